// The work under a lock, or under several that are held together.
import { type Lock, LockBackendError, LockLostError } from "../../../src/index.js"
import { stay } from "./stay.js"
import type { Visit } from "./visit.js"

/** A hold, and the number under which it is noted. */
export interface Held {
  readonly lock: Lock
  readonly number: number
}

/**
 * Resolves when the holds are to end; with false if one was lost before.
 *
 * @param signal ends it early
 */
export async function work(
  { diary, errand, write }: Visit,
  holds: readonly Held[],
  signal?: AbortSignal,
): Promise<boolean> {
  const { place, stayMs, isExtended, isWritten } = errand
  for (const { lock, number } of holds) {
    lock.signal.addEventListener("abort", () => void diary.ended(number))
    const { fencingToken } = lock
    // After a steal the previous holder still believes that it holds the lock, as documented.
    if (fencingToken === undefined || !isWritten || place.kind === "crown") continue
    const accepted = await write(lock.name, fencingToken)
    if (!accepted && lock.remainingMs > 0) await diary.refused(number, fencingToken)
  }
  await stay({ holds, diary, ms: isExtended ? stayMs / 2 : stayMs, signal })
  if (isExtended && holds.every(({ lock }) => lock.remainingMs > 0)) {
    await Promise.all(holds.map(({ lock }) => lock.extend().catch(assertUsual)))
    await stay({ holds, diary, ms: stayMs / 2, signal })
  }
  // A Worker's hold is known only until its previous note. Without this note most holds would be too short to be judged.
  for (const { lock, number } of holds) await diary.holds(number, lock)
  // The getter tells the loss of a hold whose time is over, even before its timer runs.
  return !holds.some(({ lock }) => lock.signal.aborted)
}

/** An extension that fails leaves the hold as it was. */
function assertUsual(error: unknown): void {
  if (!(error instanceof LockBackendError || error instanceof LockLostError)) throw error
}
