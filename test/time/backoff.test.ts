// The backoff: full jitter between zero and a bound that doubles up to two seconds.
import { afterEach, expect, test, vi } from "vitest"
import { backoffMs } from "../../src/time/backoff.js"

afterEach(() => {
  vi.restoreAllMocks()
})

test("the bound doubles, starting at 100 ms, and stops at two seconds", () => {
  vi.spyOn(Math, "random").mockReturnValue(1)
  expect([1, 2, 3, 4, 5, 6, 7, 50, 2_000].map(backoffMs)).toEqual([
    ...[100, 200, 400, 800, 1_600],
    ...[2_000, 2_000, 2_000, 2_000],
  ])
})

test("the jitter is full: any pause below the bound is possible", () => {
  const pauses = Array.from({ length: 5_000 }, () => backoffMs(3))
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...pauses)).toBeLessThan(400)
  for (const tenth of Array.from({ length: 10 }, (_, i) => i)) {
    const inIt = pauses.filter((pause) => Math.floor(pause / 40) === tenth)
    expect(inIt.length).toBeGreaterThan(300)
  }
})
