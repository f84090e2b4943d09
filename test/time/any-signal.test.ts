// One signal for several: it aborts with the first of them, and leaves nothing on any of them.
import { getEventListeners } from "node:events"
import { expect, test } from "vitest"
import { anySignal } from "../../src/time/any-signal.js"

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
