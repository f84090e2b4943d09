// The listener: it gets every event, and cannot break the lock that it observes.
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

test("a listener gets the event", () => {
  const listener = vi.fn()
  safeCallback("onEvent", listener)(EVENT)
  expect(listener).toHaveBeenCalledExactlyOnceWith(EVENT)
})

test("an error that a listener throws goes to the console and no further", () => {
  const emit = safeCallback("onEvent", () => {
    throw thrown
  })
  emit(EVENT)
  expect(console.error).toHaveBeenCalledExactlyOnceWith(expect.stringContaining("onEvent"), thrown)
})

test("a rejection of an async listener goes to the console and no further", async () => {
  safeCallback("onEvent", () => Promise.reject(thrown))(EVENT)
  await vi.waitFor(() => {
    expect(console.error).toHaveBeenCalledExactlyOnceWith(expect.anything(), thrown)
  })
})

test("a missing listener is skipped", () => {
  safeCallback("onEvent", undefined)(EVENT)
  expect(console.error).not.toHaveBeenCalled()
})
