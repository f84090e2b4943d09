// Runs a callback while a lock is held: the part of `request` between the grant and the release.
import type { Emit } from "../events.js"
import { untilAborted } from "../time/timers.js"
import type { Lock } from "./lock.js"

/**
 * Settles as the callback does, after the release; rejects with the `LockLostError` as soon as the hold is lost.
 *
 * A failed release does not change the outcome. The listener on the signal keeps the lock reachable, and so renewed, even
 * if a callback that never settles is all that is left of the call.
 */
export async function whileHeld<L extends Lock, T>(
  lock: L,
  callback: (lock: L) => T,
  emit: Emit | undefined,
): Promise<Awaited<T>> {
  // Called inside, so that a synchronous throw becomes a rejection.
  const running = new Promise<Awaited<T>>((resolve) => {
    resolve(callback(lock) as Awaited<T>)
  })
  try {
    const value = await untilAborted(running, lock.signal)
    // The getter checks the clock: work that outlasted the hold was not protected to its end.
    lock.signal.throwIfAborted()
    await lock[Symbol.asyncDispose]()
    return value
  } catch (error) {
    if (lock.signal.aborted) {
      void observe(lock, running, emit)
      throw lock.signal.reason
    }
    await lock[Symbol.asyncDispose]()
    throw error
  }
}

/** Reports the outcome of a callback whose hold was lost; its caller has been rejected already. */
async function observe(
  lock: Lock,
  running: Promise<unknown>,
  emit: Emit | undefined,
): Promise<void> {
  const [outcome] = await Promise.allSettled([running])
  emit?.({ type: "late-settled", name: lock.name, outcome })
  await lock[Symbol.asyncDispose]()
}
