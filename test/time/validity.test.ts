// Validity: two clocks, and the first one that says "over" is right.
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { elapsedMs, now, Validity } from "../../src/time/validity.js"

const clocks = { wallMs: 0, monotonicMs: 0 }

beforeEach(() => {
  clocks.wallMs = 1_700_000_000_000
  clocks.monotonicMs = 5_000
  vi.spyOn(Date, "now").mockImplementation(() => clocks.wallMs)
  vi.spyOn(performance, "now").mockImplementation(() => clocks.monotonicMs)
})
afterEach(() => {
  vi.restoreAllMocks()
})

function pass(wallMs: number, monotonicMs: number): void {
  clocks.wallMs += wallMs
  clocks.monotonicMs += monotonicMs
}

test("a ttl is trusted less one percent and two milliseconds", () => {
  expect(Validity.ofTtl(now(), 10_000).remainingMs).toBe(9_898)
  expect(Validity.ofTtl(now(), 10).remainingMs).toBeCloseTo(7.9)
})

test("a ttl shorter than the drift expires at once", () => {
  expect(Validity.ofTtl(now(), 2).remainingMs).toBe(0)
  expect(Validity.ofTtl(now(), -1).remainingMs).toBe(0)
})

test("time counts from the instant before the request, not from its reply", () => {
  const sentAt = now()
  pass(300, 300)
  expect(Validity.ofTtl(sentAt, 10_000).remainingMs).toBe(9_598)
})

test("if the clocks agree, both give the remaining time", () => {
  const validity = new Validity(now(), 1_000)
  pass(400, 400)
  expect(validity.remainingMs).toBe(600)
})

test("a monotonic clock that stands still is overruled by the wall clock", () => {
  const validity = new Validity(now(), 1_000)
  pass(1_000, 0)
  expect(validity.remainingMs).toBe(0)
})

test("a wall clock that is set back is overruled by the monotonic clock", () => {
  const validity = new Validity(now(), 1_000)
  pass(-3_600_000, 1_000)
  expect(validity.remainingMs).toBe(0)
})

test("no clock makes a validity longer than it was", () => {
  const validity = new Validity(now(), 1_000)
  pass(-3_600_000, 0)
  expect(validity.remainingMs).toBe(1_000)
  expect(elapsedMs(now())).toBe(0)
})

test("an expired validity stays 0 and does not become negative", () => {
  const validity = new Validity(now(), 1_000)
  pass(5_000, 5_000)
  expect(validity.remainingMs).toBe(0)
})

test("the end is given on the wall clock as it stood at the beginning", () => {
  const startedAt = clocks.wallMs
  const validity = new Validity(now(), 1_000)
  pass(-3_600_000, 10)
  expect(validity.endsAtMs).toBe(startedAt + 1_000)
})

test("the longer of two validities is the one with more remaining time, wherever they began", () => {
  const early = new Validity(now(), 1_000)
  pass(500, 500)
  const late = new Validity(now(), 400)
  expect(early.longer(late)).toBe(early)
  expect(late.longer(early)).toBe(early)
})
