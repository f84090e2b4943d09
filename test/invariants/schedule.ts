// A schedule: requests in an order that does harm unless a rule prevents it.
import type { Lock, LockManager, LockManagerOptions } from "../../src/index.js"
import type { Breakage } from "../support/broken-build.js"
import type { Fault, FaultProxy, Plan } from "../support/fault-proxy.js"
import { until } from "../support/outcomes.js"
import type { LockByHand, SendCommand } from "../support/waiter-by-hand.js"

export interface Schedule {
  /** The number of the invariant in docs/scripts.md. */
  readonly invariant: number
  readonly rule: string
  /** The harm that is done without the rule. */
  readonly harm: string
  /** Switches the rule off. */
  readonly off: readonly Breakage[]
  /** Plays the schedule, and returns whether the harm was done. */
  readonly play: (scene: Scene) => Promise<boolean>
}

/** One lock on a real Redis, and a library whose rules may be off. */
export interface Scene {
  readonly name: string
  readonly proxy: FaultProxy
  readonly command: SendCommand
  /** A manager whose requests go through the proxy. */
  readonly locks: (options?: Partial<LockManagerOptions>) => LockManager
  /** A manager of the same library without any faults. */
  readonly others: LockManager
  /** The scripts of the same library, run by hand, after the prelude. */
  readonly hand: (prelude?: string) => LockByHand
}

/**
 * The first request that has the given argument, counted from the last before the nonce, suffers the fault: also a request of a
 * broken script.
 */
export function firstWith(argument: string, fromEnd: number, fault: Fault): Plan {
  let isDone = false
  return ({ commands }) => {
    if (isDone || commands[0]?.at(-fromEnd - 1) !== argument) return undefined
    isDone = true
    return fault
  }
}

/** Resolves when at least that number of waiters stand in the queue. */
export async function untilWaiting(scene: Scene, count: number): Promise<void> {
  const queue = scene.hand().key("queue")
  await until(async () => Number(await scene.command("ZCARD", queue)) >= count)
}

/** Whether another caller is let in while this one believes that it holds the lock. */
export async function isOverlapped(scene: Scene, lock: Lock, waitMs: number): Promise<boolean> {
  const next = await scene.others
    .acquire(scene.name, { wait: waitMs, interval: 20 })
    .catch(() => undefined)
  const isTrusted = lock.remainingMs > 0
  await next?.release()
  return next !== undefined && isTrusted
}
