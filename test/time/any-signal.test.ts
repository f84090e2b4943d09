// One signal for several: it aborts with the first of them, and leaves nothing on any of them.
import { getEventListeners } from "node:events"
import { expect, test } from "vitest"
import { anySignal } from "../../src/time/any-signal.js"

test("it aborts as soon as one of them does, with the reason of that one, which stays", () => {
  const [first, second] = [new AbortController(), new AbortController()]
  const { signal } = anySignal([first.signal, second.signal])
  expect(signal.aborted).toBe(false)
  second.abort("second")
  expect(signal.reason).toBe("second")
  first.abort("first")
  expect(signal.reason).toBe("second")
})

test("one that has aborted already aborts it at once", () => {
  const { signal } = anySignal([new AbortController().signal, AbortSignal.abort("long ago")])
  expect(signal.aborted).toBe(true)
  expect(signal.reason).toBe("long ago")
})

test("a signal that was not given is none, and with none it never aborts", () => {
  const { signal } = new AbortController()
  expect(anySignal([undefined, signal]).signal.aborted).toBe(false)
  expect(anySignal([undefined]).signal.aborted).toBe(false)
})

test("once it is stopped nothing listens to them, and it aborts no more", () => {
  const sources = [new AbortController(), new AbortController()]
  const { signal, stop } = anySignal(sources.map((source) => source.signal))
  stop()
  for (const source of sources) {
    expect(getEventListeners(source.signal, "abort")).toEqual([])
    source.abort("late")
  }
  expect(signal.aborted).toBe(false)
})
