// Acquires several locks, all or nothing, and waits for them in one order, so that callers cannot deadlock.
import { ensureWholeTtl, LockGroup } from "../hold/lock-group.js"
import type { Lock } from "../hold/lock.js"
import type { AcquireOptions, ResolvedAcquireOptions } from "../options.js"
import { anySignal } from "../time/timers.js"
import { Budget } from "../time/validity.js"
import { invalid, show } from "../values/invalid-argument.js"

/** The calls that acquire one of the locks. */
export interface LockCalls {
  acquire(name: string, options: AcquireOptions): Promise<Lock>
  tryAcquire(name: string, options: AcquireOptions): Promise<Lock | null>
}

/**
 * Tries all missing locks at once; without contention that is enough. Otherwise it keeps the locks before the first one
 * that is taken, in the order of their names, releases the others, and waits for that one. So a caller that waits only
 * holds locks that come before, and no two callers can wait for each other.
 *
 * @throws what an acquire throws; the `LockLostError` of a lock that was lost during the wait for the others
 */
export async function acquireAll(
  names: readonly string[],
  options: AcquireOptions,
  { waitMs, ttlMs }: Pick<ResolvedAcquireOptions, "waitMs" | "ttlMs">,
  calls: LockCalls,
): Promise<LockGroup> {
  const budget = new Budget(waitMs)
  const held = new Map<string, Lock>()
  // Locks that are held must last until the others are granted.
  const { renew } = options
  const waiting: AcquireOptions = { ...options, renew: renew === false ? true : renew }
  try {
    for (;;) {
      const missing = names.filter((name) => !held.has(name)).sort()
      const granted = await allOrError(missing.map((name) => calls.tryAcquire(name, waiting)))
      const [first, surplus] = keepBefore(missing, granted, held)
      if (first === undefined) break
      const wait = Math.max(0, Math.ceil(budget.leftMs))
      const givingBack = surplus.map((lock) => lock[Symbol.asyncDispose]())
      const { signal, stop } = anySignal([
        options.signal,
        ...[...held.values()].map((l) => l.signal),
      ])
      try {
        held.set(first, await calls.acquire(first, { ...waiting, wait, signal }))
      } finally {
        stop()
        await Promise.all(givingBack)
      }
    }
    const group = new LockGroup(names.flatMap((name) => held.get(name) ?? []))
    // All of them last for the ttl from now, and not from when the first was granted.
    await ensureWholeTtl(group, ttlMs)
    group.signal.throwIfAborted()
    if (renew === false) for (const lock of group.locks) lock.stopRenewing()
    return group
  } catch (error) {
    await Promise.all([...held.values()].map((lock) => lock[Symbol.asyncDispose]()))
    throw error
  }
}

/** Keeps the locks before the first that was not granted; returns the name of that one, and the locks behind it. */
function keepBefore(
  missing: readonly string[],
  granted: readonly (Lock | null)[],
  held: Map<string, Lock>,
): [first: string | undefined, surplus: readonly Lock[]] {
  const index = granted.indexOf(null)
  const count = index < 0 ? granted.length : index
  const locks = granted.filter((lock) => lock !== null)
  for (const lock of locks.slice(0, count)) held.set(lock.name, lock)
  return [missing[count], locks.slice(count)]
}

/** All results, or the first error, after the other locks have been released. */
async function allOrError(calls: readonly Promise<Lock | null>[]): Promise<(Lock | null)[]> {
  const outcomes = await Promise.allSettled(calls)
  const failed = outcomes.find((outcome) => outcome.status === "rejected")
  if (!failed) return Promise.all(calls)
  const giveBack = (lock: Lock | null) => lock?.[Symbol.asyncDispose]()
  // Calls that failed have nothing to release.
  await Promise.all(calls.map((call) => call.then(giveBack, () => undefined)))
  throw failed.reason
}

/** @throws `TypeError` or `RangeError` if it is not a list of distinct names. */
export function checkNames(names: unknown): asserts names is readonly string[] {
  if (!Array.isArray(names)) throw invalid("names", "an array of names", names)
  if (names.length === 0) throw new RangeError("names: must not be empty")
  const twice = names.find((name, index) => names.indexOf(name) !== index) as unknown
  if (twice !== undefined) {
    throw new RangeError(`names: must not contain duplicates, got ${show(twice)} twice`)
  }
}
