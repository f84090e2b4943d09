// The inbox of a waiter: it delivers messages in order and in time.
import { afterEach, expect, test, vi } from "vitest"
import { durationOf, rejection } from "../support/outcomes.js"
import { Inbox } from "../../src/acquire/queue-wait.js"

afterEach(() => {
  vi.useRealTimers()
})

test("a wait that ended or was abandoned leaves no timer behind", async () => {
  vi.useFakeTimers()
  const inbox = new Inbox<string>()
  const controller = new AbortController()
  const waiting = inbox.next(60_000, undefined)
  inbox.put("now")
  expect(await waiting).toBe("now")
  const aborted = rejection(inbox.next(60_000, controller.signal))
  controller.abort()
  await aborted
  expect(vi.getTimerCount()).toBe(0)
})

test("messages that arrive before they are read are kept, in order", async () => {
  const inbox = new Inbox<number>()
  inbox.put(1)
  inbox.put(2)
  expect(await inbox.next(0, undefined)).toBe(1)
  expect(await inbox.next(-5, undefined)).toBe(2)
  expect(await inbox.next(0, undefined)).toBeUndefined()
})

test("a message wakes the reader that waits for it, however long the wait would have lasted", async () => {
  const inbox = new Inbox<string>()
  const waiting = inbox.next(Infinity, undefined)
  inbox.put("now")
  inbox.put("later")
  expect(await waiting).toBe("now")
  expect(await inbox.next(0, undefined)).toBe("later")
})

test("the wait for a message lasts for the given time, and no longer", async () => {
  vi.useFakeTimers()
  let isOver = false
  void new Inbox().next(1_000, undefined).then(() => (isOver = true))
  await vi.advanceTimersByTimeAsync(999)
  expect(isOver).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  expect(isOver).toBe(true)
})

test("if no message arrives in time the result is undefined, and a later message is kept for the next read", async () => {
  const inbox = new Inbox<string>()
  expect(await inbox.next(20, undefined)).toBeUndefined()
  inbox.put("late")
  expect(await inbox.next(0, undefined)).toBe("late")
})

test("an abort ends the wait at once, with its reason, and loses no message", async () => {
  const inbox = new Inbox<string>()
  const controller = new AbortController()
  const waiting = rejection(inbox.next(60_000, controller.signal))
  controller.abort("enough")
  expect(await waiting).toBe("enough")
  inbox.put("kept")
  expect(await rejection(inbox.next(0, controller.signal))).toBe("enough")
  expect(await durationOf(inbox.next(60_000, undefined))).toBeLessThan(100)
})
