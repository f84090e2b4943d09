// The samples of a run with telemetry: rates, levels, and quantiles from buckets.
import { expect, test } from "vitest"
import { quantileIn, Samples } from "../../verification/telemetry/samples.js"

const LOCK = { "fetchlock.lock": "order" }

test("a quantile is interpolated within its bucket, and unknown without values", () => {
  expect(quantileIn([1, 2], [0, 0, 0], 0.5)).toBeNull()
  expect(quantileIn([1, 2], [10, 0, 0], 0.5)).toBe(0.5)
  expect(quantileIn([1, 2], [10, 10, 0], 0.75)).toBe(1.5)
  // Beyond the last boundary nothing is known.
  expect(quantileIn([1, 2], [0, 0, 10], 0.5)).toBe(2)
})

test("samples tell the increase of counters in each second, and the level of the others", () => {
  const samples = new Samples()
  for (const [calls, holds] of [
    [0, 0],
    [3, 2],
    [7, 1],
  ] as const) {
    const waits = { count: calls, sum: calls, boundaries: [1, 2], counts: [0, calls, 0] }
    samples.add({
      calls: [{ attributes: { ...LOCK, outcome: "granted" }, value: calls }],
      holds: [{ attributes: LOCK, value: holds }],
      waits: [{ attributes: LOCK, value: waits }],
    })
  }
  expect(samples.seconds).toEqual([1, 2])
  expect(samples.valuesOf("calls", "outcome")).toEqual(["granted"])
  expect(samples.rateOf("calls", "outcome", "granted")).toEqual([3, 4])
  expect(samples.levelOf("holds")).toEqual([2, 1])
  expect(samples.quantileOf("waits", "fetchlock.lock", "order", 0.5)).toEqual([1.5, 1.5])
})
