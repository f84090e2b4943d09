// Durations: numbers of milliseconds, or text with a unit, and nothing else.
import { expect, test } from "vitest"
import { parseDuration } from "../../src/time/duration.js"

const ANY = { min: 0, max: Infinity }

test.for<[unknown, number]>([
  [0, 0],
  [1500, 1_500],
  [Infinity, Infinity],
  ["0s", 0],
  ["500ms", 500],
  ["30s", 30_000],
  ["2m", 120_000],
  ["1.5h", 5_400_000],
  ["1d", 86_400_000],
  ["4.35s", 4_350],
  ["1.001s", 1_001],
  ["007s", 7_000],
])("%j is %d ms", ([value, ms]) => {
  expect(parseDuration("ttl", value, ANY)).toBe(ms)
})

test.for([
  ...["", " ", "s", "30", "30 s", " 30s", "30s ", "30S", "30sec", "1m30s", "-5s", "+5s", "1e3ms"],
  ...[".5s", "5.s", "0x10ms", "Infinity", "NaNs", "30s\n", "٣s", "1_000ms"],
  ...[NaN, null, undefined, true, {}, [], [30], 30n, Symbol("30s"), () => 30, new Date(30)],
])("%o is not a duration", (value) => {
  expect(() => parseDuration("ttl", value, ANY)).toThrow(TypeError)
  expect(() => parseDuration("ttl", value, ANY)).toThrow(/^ttl: must be milliseconds or text/)
})

test.for([0.25, 10.2, 1e-3, -0.5, "0.5ms", "1.0005s"])(
  "%j is refused for its fraction",
  (value) => {
    const message = /^interval: must be an integer in milliseconds, or text such as "30s", got /
    expect(() => parseDuration("interval", value, ANY)).toThrow(RangeError)
    expect(() => parseDuration("interval", value, ANY)).toThrow(message)
  },
)

test("a duration out of range is a RangeError that names the option, its limits and the value", () => {
  const range = { min: 10, max: 60_000 }
  const message = /^wait: must be from 10 to 60000 ms, got /
  for (const value of [9, -1, 60_001, Infinity, -Infinity, "0s", "2m"]) {
    expect(() => parseDuration("wait", value, range)).toThrow(RangeError)
    expect(() => parseDuration("wait", value, range)).toThrow(message)
  }
  expect(() => parseDuration("wait", -5, ANY)).toThrow(/^wait: must be at least 0 ms, got -5$/)
  // Of an overlong value, the beginning.
  const nines = "9".repeat(50)
  expect(() => parseDuration("wait", `${nines}99s`, range)).toThrow(new RegExp(`got ${nines}$`))
})

test("the limits themselves are in range", () => {
  const range = { min: 10, max: 20 }
  expect(parseDuration("ttl", 10, range)).toBe(10)
  expect(parseDuration("ttl", "20ms", range)).toBe(20)
  expect(() => parseDuration("ttl", 20.5, range)).toThrow(RangeError)
})
