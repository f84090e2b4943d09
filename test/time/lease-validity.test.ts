// For how long a pushed grant may be trusted if clocks disagree and messages come late.
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { now, Validity } from "../../src/time/validity.js"

const LEASE_MS = 3_000
/** One percent and two milliseconds. */
const DRIFT_MS = 32

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "performance"] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** A pair was read, the grant was made `pairMs` later, and its message arrived `messageMs` after that. */
function heard({ offsetMs = 0, pairMs = 100, messageMs = 0, stepMs = 0, repliedMs = 0 }) {
  const sentAt = now()
  const serverNow = () => (Date.now() + offsetMs) * 1_000
  vi.advanceTimersByTime(repliedMs)
  const pair = { sentAt, micros: serverNow() }
  vi.advanceTimersByTime(pairMs)
  const grantedAt = serverNow() + stepMs * 1_000
  vi.advanceTimersByTime(messageMs)
  return Validity.ofLease(pair, grantedAt, LEASE_MS).remainingMs
}

test("a server whose clock is an hour off makes no difference", () => {
  const remaining = heard({})
  expect(remaining).toBeCloseTo(LEASE_MS - DRIFT_MS - 1)
  expect(heard({ offsetMs: 3_600_000 })).toBeCloseTo(remaining)
  expect(heard({ offsetMs: -3_600_000 })).toBeCloseTo(remaining)
})

test("a late message leaves that much less", () => {
  expect(heard({ messageMs: 1_000 })).toBeLessThanOrEqual(LEASE_MS - 1_000 - DRIFT_MS)
  expect(heard({ messageMs: 1_000 })).toBeGreaterThan(LEASE_MS - 1_000 - 2 * DRIFT_MS)
  expect(heard({ messageMs: LEASE_MS })).toBe(0)
})

test("a slow reply makes the grant shorter, never longer", () => {
  const slow = heard({ repliedMs: 400, messageMs: 500 })
  expect(slow).toBeLessThanOrEqual(LEASE_MS - 500 - DRIFT_MS)
  expect(slow).toBeGreaterThan(LEASE_MS - 900 - 2 * DRIFT_MS)
})

test("an old pair costs one percent of its age", () => {
  expect(heard({ pairMs: 20_000 })).toBeCloseTo(LEASE_MS - DRIFT_MS - 200)
})

test("if the server's clock jumps ahead, the grant counts from the arrival of its message at the latest", () => {
  expect(heard({ stepMs: 3_600_000, messageMs: 10 })).toBeLessThanOrEqual(LEASE_MS - DRIFT_MS)
})

test("a server whose clock jumps back makes the grant shorter", () => {
  expect(heard({ stepMs: -1_000 })).toBeLessThanOrEqual(LEASE_MS - 1_000 - DRIFT_MS)
  expect(heard({ stepMs: -3_600_000 })).toBe(0)
})
