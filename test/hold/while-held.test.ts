// The steps of `request` between the grant and the release, where clocks decide.
import { expect, test, vi } from "vitest"
import type { Lock } from "../../src/hold/lock.js"
import { whileHeld } from "../../src/hold/while-held.js"
import { rejection } from "../support/outcomes.js"
import { scriptedHold, TTL } from "../support/scripted-hold.js"
import { useVirtualTime } from "../support/virtual-time.js"

function hold() {
  const { lock, store, of, onEvent } = scriptedHold()
  const run = <T>(callback: (lock: Lock) => T) => whileHeld(lock, callback, onEvent)
  return { lock, store, of, run }
}

/** The machine sleeps through the rest of the hold: the wall clock knows, no timer has run. */
const sleepThrough = () => vi.setSystemTime(Date.now() + TTL)

useVirtualTime()

test("a callback that outlasted its hold is not reported as done", async () => {
  const { run, of, store } = hold()
  const working = run(() => {
    sleepThrough()
    return "done"
  })
  expect(await rejection(working)).toMatchObject({ name: "LockLostError", reason: "expired" })
  await vi.advanceTimersByTimeAsync(1)
  expect(of("late-settled")).toMatchObject([{ outcome: { status: "fulfilled", value: "done" } }])
  expect(store.count("release")).toBe(1)
})

test("a callback that failed after its hold expired is reported as the loss, and its failure as an event", async () => {
  const { run, of } = hold()
  const failure = new Error("no")
  const working = run(() => {
    sleepThrough()
    return Promise.reject(failure)
  })
  expect(await rejection(working)).toMatchObject({ reason: "expired" })
  await vi.advanceTimersByTimeAsync(1)
  expect(of("late-settled")).toMatchObject([{ outcome: { status: "rejected", reason: failure } }])
})

test("a callback that fails during the hold rejects with its own error, after the release", async () => {
  const { run, of, store } = hold()
  const failure = new Error("no")
  expect(await rejection(run(() => Promise.reject(failure)))).toBe(failure)
  expect(store.count("release")).toBe(1)
  expect(of("late-settled")).toEqual([])
})

test("a lost hold is released only when the callback, which cannot be stopped, has ended", async () => {
  const { run, store } = hold()
  let end: () => void = () => undefined
  const working = rejection(
    run(
      () =>
        new Promise<void>((resolve) => {
          end = resolve
        }),
    ),
  )
  await vi.advanceTimersByTimeAsync(TTL)
  expect(await working).toMatchObject({ reason: "expired" })
  expect(store.count("release")).toBe(0)
  end()
  await vi.advanceTimersByTimeAsync(1)
  expect(store.count("release")).toBe(1)
})

test("the wait for the callback leaves no listener and no timer", async () => {
  const { run, lock } = hold()
  await run(() => "done")
  expect(vi.getTimerCount()).toBe(0)
  expect(lock.signal.aborted).toBe(false)
})

test("a callback that outlasted its hold needs no listener", async () => {
  const { lock } = hold()
  const working = whileHeld(lock, sleepThrough, undefined)
  expect(await rejection(working)).toMatchObject({ name: "LockLostError", reason: "expired" })
  await vi.advanceTimersByTimeAsync(1)
})
