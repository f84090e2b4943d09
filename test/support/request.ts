// What an acquire call asks for, and what it asks a store for, where a test does not say otherwise.
import type { TakeRequest } from "../../src/redis/store.js"
import type { AcquisitionRequest } from "../../src/acquire/attempts.js"

export const TAKE_REQUEST: TakeRequest = {
  name: "a",
  token: "fl_a_b",
  ttlMs: 30_000,
  fencing: false,
  limit: undefined,
}

export const REQUEST: AcquisitionRequest = {
  ...TAKE_REQUEST,
  thief: undefined,
  push: true,
  waitMs: 10_000,
  signal: undefined,
  intervalMs: undefined,
  maxRequests: Infinity,
  timeoutMs: 1_000,
}
