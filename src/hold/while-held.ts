// Runs a callback while a lock is held: what `request` does between the grant and the release.
import type { Emit } from "../events.js"
import { untilAborted } from "../time/timers.js"
import type { Lock } from "./lock.js"

/**
 * Settles as the callback does, after the release; rejects with the `LockLostError` as soon as the hold is lost.
 *
 * A release that fails does not change the outcome. Listening to the signal keeps the lock reachable, and so renewed, also
 * while a callback that never settles is all that is left of the call.
 */
export async function whileHeld<L extends Lock, T>(
  lock: L,
  callback: (lock: L) => T,
  emit: Emit | undefined,
): Promise<Awaited<T>> {
  // Inside, so that a callback that throws at once is one that rejects.
  const running = new Promise<Awaited<T>>((resolve) => {
    resolve(callback(lock) as Awaited<T>)
  })
  try {
    const value = await untilAborted(running, lock.signal)
    // The signal's getter looks at the clock: work that outlasted the hold was not protected to its end.
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

/** Sees a callback to its end whose hold was lost: nobody else will hear of it. */
async function observe(
  lock: Lock,
  running: Promise<unknown>,
  emit: Emit | undefined,
): Promise<void> {
  const [outcome] = await Promise.allSettled([running])
  emit?.({ type: "late-settled", name: lock.name, outcome })
  await lock[Symbol.asyncDispose]()
}
