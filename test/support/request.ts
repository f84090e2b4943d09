// The default request of an acquire call, and of a store, for tests.
import { OpenHolds } from "../../src/hold/hold-monitor.js"
import type { LockRequest } from "../../src/redis/store.js"
import type { AcquisitionRequest } from "../../src/acquire/attempts.js"

export const LOCK_REQUEST: LockRequest = {
  name: "a",
  token: "fl_a_b",
  ttlMs: 30_000,
  fencing: false,
  limit: undefined,
}

export const REQUEST: AcquisitionRequest = {
  ...LOCK_REQUEST,
  stealFrom: undefined,
  channel: undefined,
  push: true,
  waitMs: 10_000,
  signal: undefined,
  intervalMs: undefined,
  maxRequests: Infinity,
  timeoutMs: 1_000,
  open: new OpenHolds(),
}
