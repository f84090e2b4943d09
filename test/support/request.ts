// What an acquire call asks for, where a test does not say otherwise.
import type { AcquisitionRequest } from "../../src/wait/acquisition-request.js"

export const REQUEST: AcquisitionRequest = {
  name: "a",
  token: "fl_a_b",
  ttlMs: 30_000,
  fencing: false,
  limit: undefined,
  thief: undefined,
  push: true,
  waitMs: 10_000,
  signal: undefined,
  intervalMs: undefined,
  maxRequests: Infinity,
  timeoutMs: 1_000,
}
