// The speed of a queue, measured from the places that a waiter was told.
import { expect, test } from "vitest"
import { QueueSpeed } from "../../src/acquire/poll-schedule.js"

/** @param sights the place, and after how many milliseconds */
function seen(...sights: readonly (readonly [place: number, atMs: number])[]): QueueSpeed {
  const speed = new QueueSpeed()
  for (const [place, atMs] of sights) {
    const sentAt = { wallMs: 0, monotonicMs: atMs }
    speed.add({
      kind: "queued",
      holderTtlMs: 1_000,
      isForeign: false,
      place,
      ticket: "1",
      serverTime: { sentAt, micros: 0 },
    })
  }
  return speed
}

test("the speed of a queue that has not moved is unknown, and only the checks are counted", () => {
  expect(seen([3, 0]).msPerPlace).toBeUndefined()
  expect(seen([3, 0]).repeats).toBe(0)
  expect(seen([3, 0], [3, 100], [3, 300]).msPerPlace).toBeUndefined()
  expect(seen([3, 0], [3, 100], [3, 300]).repeats).toBe(2)
})

test("the time for one place counts from the last check at the old place, not from the first", () => {
  const speed = seen([3, 0], [3, 60_000], [1, 60_300])
  expect(speed.msPerPlace).toBe(150)
  expect(speed.repeats).toBe(0)
  // The same place again adds no information.
  expect(seen([3, 0], [1, 300], [1, 900]).msPerPlace).toBe(150)
})

test("a queue that moves faster than before is believed at once, a slower one only on average", () => {
  expect(seen([6, 0], [5, 400], [3, 600]).msPerPlace).toBe(100)
  expect(seen([6, 0], [4, 100], [3, 400]).msPerPlace).toBeCloseTo(400 / 3)
})

test("a waiter that was pushed back measures only its way forward", () => {
  expect(seen([1, 0], [2, 100]).msPerPlace).toBeUndefined()
  expect(seen([1, 0], [2, 100], [1, 250]).msPerPlace).toBe(150)
  expect(seen([0, 0], [2, 100], [1, 250]).msPerPlace).toBe(150)
})

test("a waiter that falls further back learns nothing from that", () => {
  expect(seen([2, 0], [1, 100], [3, 200]).msPerPlace).toBe(100)
  expect(seen([2, 0], [1, 100], [3, 200], [2, 300]).msPerPlace).toBe(100)
  expect(seen([2, 0], [1, 100], [3, 200], [0, 400]).msPerPlace).toBeCloseTo(200 / 3)
})
