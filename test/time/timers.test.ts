// Sleeping: as long as requested, and not a moment longer than the signal allows. And one signal for several.
import { getEventListeners } from "node:events"
import { expect, test, vi } from "vitest"
import { anySignal, sleep, untilAborted } from "../../src/time/timers.js"
import { rejection } from "../support/outcomes.js"
import { useVirtualTime } from "../support/virtual-time.js"

useVirtualTime()

test("a sleep beyond the longest timer is divided into parts", async () => {
  const ms = 2 ** 32
  let isOver = false
  void sleep(ms).then(() => (isOver = true))
  await vi.advanceTimersByTimeAsync(ms - 1)
  expect(isOver).toBe(false)
  await vi.advanceTimersByTimeAsync(3)
  expect(isOver).toBe(true)
})

test("a signal that has already aborted ends the sleep before it begins", async () => {
  const signal = AbortSignal.abort("no")
  expect(await rejection(sleep(1_000, signal))).toBe("no")
  expect(vi.getTimerCount()).toBe(0)
})

test("a sleep of zero lets other tasks run first, and can be aborted like any other", async () => {
  let isOver = false
  const sleeping = sleep(0).then(() => (isOver = true))
  await Promise.resolve()
  expect(isOver).toBe(false)
  await vi.advanceTimersByTimeAsync(0)
  await sleeping
  expect(await rejection(sleep(0, AbortSignal.abort("no")))).toBe("no")
})

test("an abort ends the sleep with the signal's reason and leaves no timer and no listener", async () => {
  const controller = new AbortController()
  const sleeping = rejection(sleep(1_000, controller.signal))
  await vi.advanceTimersByTimeAsync(500)
  controller.abort("enough")
  expect(await sleeping).toBe("enough")
  expect(vi.getTimerCount()).toBe(0)
})

test("a sleep that ends by itself leaves no listener", async () => {
  const { signal } = new AbortController()
  const sleeping = sleep(1_000, signal)
  expect(getEventListeners(signal, "abort")).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1_000)
  await sleeping
  expect(getEventListeners(signal, "abort")).toEqual([])
})

test("a signal that has already aborted ends any wait at once", async () => {
  const never = new Promise(() => undefined)
  expect(await rejection(untilAborted(never, AbortSignal.abort("no")))).toBe("no")
})

test("after an abort nothing listens any more, even if the work never ends", () => {
  const controller = new AbortController()
  const never = new Promise(() => undefined)
  untilAborted(never, controller.signal).catch(() => undefined)
  controller.abort("enough")
  expect(getEventListeners(controller.signal, "abort")).toEqual([])
})

test("work that rejects after the abort causes no unhandled rejection", async () => {
  const controller = new AbortController()
  let fail: (error: Error) => void = () => undefined
  const work = new Promise((_, reject) => {
    fail = reject
  })
  const waiting = rejection(untilAborted(work, controller.signal))
  controller.abort("enough")
  expect(await waiting).toBe("enough")
  fail(new Error("late"))
  await vi.advanceTimersByTimeAsync(1)
  expect(getEventListeners(controller.signal, "abort")).toEqual([])
})

test("the combined signal aborts as soon as one signal does, with its reason, which stays", () => {
  const [first, second] = [new AbortController(), new AbortController()]
  const { signal } = anySignal([first.signal, second.signal])
  expect(signal.aborted).toBe(false)
  second.abort("second")
  expect(signal.reason).toBe("second")
  first.abort("first")
  expect(signal.reason).toBe("second")
})

test("a signal that has already aborted aborts the combined one at once", () => {
  const { signal } = anySignal([new AbortController().signal, AbortSignal.abort("long ago")])
  expect(signal.aborted).toBe(true)
  expect(signal.reason).toBe("long ago")
})

test("a missing signal is ignored, and without any the combined one never aborts", () => {
  const { signal } = new AbortController()
  expect(anySignal([undefined, signal]).signal.aborted).toBe(false)
  expect(anySignal([undefined]).signal.aborted).toBe(false)
})

test("after a stop nothing listens to the signals, and the combined one does not abort any more", () => {
  const sources = [new AbortController(), new AbortController()]
  const { signal, stop } = anySignal(sources.map((source) => source.signal))
  stop()
  for (const source of sources) {
    expect(getEventListeners(source.signal, "abort")).toEqual([])
    source.abort("late")
  }
  expect(signal.aborted).toBe(false)
})
