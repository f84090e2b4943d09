// The fixture of the queue's tests: a lock of their own, waiters that are known to wait, and the assertions at the end.
import { expect, vi } from "vitest"
import type { Lab } from "../contract/lab.js"
import type { Lock, LockEvent, LockManager, LockManagerOptions } from "../../src/index.js"
import type { Faults } from "../support/fault-proxy.js"
import { LockByHand } from "../support/waiter-by-hand.js"

/** The delay that a busy machine may add to any bound, in milliseconds. */
export const SLACK_MS = 2_500
/** The longest that a waiter goes without a check if it receives nothing: see src/acquire/poll-schedule.ts. */
export const LONGEST_POLL_MS = 2_000

export type MakeManager = (options?: Partial<LockManagerOptions>) => LockManager

/** A waiter that stands in the queue. */
export interface Entered {
  readonly granted: Promise<Lock>
  readonly place: number | undefined
  readonly events: readonly LockEvent[]
}

/** Starts a call, and resolves when its waiter stands in the queue. */
export async function enter(
  make: MakeManager,
  name: string,
  options: Partial<LockManagerOptions> = {},
  ask = (locks: LockManager): Promise<Lock> => locks.acquire(name),
): Promise<Entered> {
  const events: LockEvent[] = []
  return new Promise((resolve, reject) => {
    const onEvent = (event: LockEvent) => {
      events.push(event)
      if (event.type === "queued") resolve({ granted, place: event.place, events })
    }
    const granted = ask(make({ wait: "60s", ...options, onEvent }))
    granted.then(() => {
      reject(new Error("granted without having waited"))
    }, reject)
  })
}

/** Resolves when the streams of that many waits are open, and each has looked whether it missed its grant. */
export async function untilListening(proxy: Faults, waits = 1): Promise<void> {
  await until(() => {
    const looks = proxy.seen("readHold").filter(({ answers }) => answers.length > 0)
    expect(looks).toHaveLength(waits)
  })
}

/** The lock of that name, for inspection and for scripts run by hand. */
export function byHand({ command }: Lab, name: string): LockByHand {
  return new LockByHand(command, name)
}

/** Milliseconds from one moment of `performance.now()` until the promise has settled. */
export async function msUntil(promise: Promise<unknown>, since: number): Promise<number> {
  await promise
  return performance.now() - since
}

/** No remaining key of the lock outlives max(ttl, 30 s), except the fencing counter, which lives for a day. */
export async function expectBounded(hand: LockByHand, ttlMs = 30_000): Promise<void> {
  for (const [key, life] of Object.entries(await hand.remains())) {
    expect(life, key).toBeGreaterThanOrEqual(0)
    const longest = key === hand.key("fence") ? 86_400_000 : Math.max(ttlMs, 30_000)
    expect(life, key).toBeLessThanOrEqual(longest)
  }
}

/** Retries an assertion until it holds. (`expect.poll` does not know its test in concurrent tests.) */
export async function until(assertion: () => unknown, timeout = 5_000): Promise<void> {
  await vi.waitFor(assertion, { timeout, interval: 10 })
}

/** The lock has no holder and no waiters. */
export async function expectFree(hand: LockByHand): Promise<void> {
  await until(async () => {
    const left = await hand.remains()
    expect([hand.key("lock") in left, hand.key("queue") in left]).toEqual([false, false])
  })
}
