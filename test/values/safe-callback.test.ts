// The listener: told everything, and unable to break the lock that it observes.
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import type { LockEvent } from "../../src/events.js"
import { safeCallback } from "../../src/values/safe-callback.js"

const EVENT: LockEvent = { type: "queued", name: "a", place: 0 }
const thrown = new Error("the listener failed")

beforeEach(() => {
  vi.spyOn(console, "error").mockImplementation(() => undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
})

test("a listener is handed the event", () => {
  const listener = vi.fn()
  safeCallback("onEvent", listener)(EVENT)
  expect(listener).toHaveBeenCalledExactlyOnceWith(EVENT)
})

test("what a listener throws goes to the console and no further", () => {
  const emit = safeCallback("onEvent", () => {
    throw thrown
  })
  emit(EVENT)
  expect(console.error).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("onEvent"), thrown)
})

test("what an async listener rejects with goes to the console and no further", async () => {
  safeCallback("onEvent", () => Promise.reject(thrown))(EVENT)
  await vi.waitFor(() => {
    expect(console.error).toHaveBeenCalledExactlyOnceWith(expect.anything(), thrown)
  })
})

test("no listener is no work", () => {
  safeCallback("onEvent", undefined)(EVENT)
  expect(console.error).not.toHaveBeenCalled()
})
