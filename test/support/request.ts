// The default request of an acquire call, and of a store, for tests.
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
