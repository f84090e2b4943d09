// A group of locks that are held together.
import type { ReleaseResult } from "../events.js"
import { anySignal } from "../time/timers.js"
import type { Duration } from "../time/duration.js"
import type { Lock } from "./lock.js"

/**
 * Locks that were granted together by `locks.acquireAll()`. The group is valid until the first of them ends.
 *
 * @example
 * ```ts
 * await using both = await locks.acquireAll(["account:1", "account:2"])
 * await transfer({ signal: both.signal })
 * ```
 */
export class LockGroup {
  /** The locks, in the order of the names that were passed. */
  readonly locks: readonly Lock[]
  readonly #signal: AbortSignal

  /** @internal */
  constructor(locks: readonly Lock[]) {
    this.locks = locks
    this.#signal = anySignal(locks.map(({ signal }) => signal)).signal
  }

  /** When the first of them can no longer be trusted unless it is extended: epoch milliseconds of the local clock. */
  get expiresAtMs(): number {
    return Math.min(...this.locks.map(({ expiresAtMs }) => expiresAtMs))
  }

  /** How long all of them can be trusted, in milliseconds by the local clock; 0 once one is over. */
  get remainingMs(): number {
    return Math.min(...this.locks.map(({ remainingMs }) => remainingMs))
  }

  /** Aborted the moment one of them can no longer be trusted, with its `LockLostError` as the reason. */
  get signal(): AbortSignal {
    // Each getter checks the clock.
    const lost = this.locks.map(({ signal }) => signal).find(({ aborted }) => aborted)
    return lost ?? this.#signal
  }

  /**
   * Extends each of them to at least `ttl` from now.
   *
   * @param ttl how long from now. Default: the ttl with which they were acquired
   * @throws as `Lock.extend` does; some of them may have been extended.
   * @example
   * ```ts
   * const both = await locks.acquireAll(["account:1", "account:2"])
   * await both.extend("1m")
   * ```
   */
  async extend(ttl?: Duration): Promise<void> {
    await Promise.all(this.locks.map((lock) => lock.extend(ttl)))
  }

  /**
   * Releases all of them.
   *
   * @returns how each release ended, in the order of the names that were passed
   * @throws `LockBackendError` when the outcome of one stays unknown; the others are released all the same.
   * @example
   * ```ts
   * const both = await locks.acquireAll(["account:1", "account:2"])
   * try {
   *   await transfer({ signal: both.signal })
   * } finally {
   *   await both.release()
   * }
   * ```
   */
  async release(): Promise<ReleaseResult[]> {
    const releases = this.locks.map((lock) => lock.release())
    await Promise.allSettled(releases)
    return Promise.all(releases)
  }

  /** Ends each lock as its own `[Symbol.asyncDispose]` does. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.locks.map((lock) => lock[Symbol.asyncDispose]()))
  }
}

/** An uncontended grant still has this fraction of its ttl. If less is left, it is a lease, or was granted a while ago. */
const NEARLY = 0.9

/** @throws as `Lock.extend` does. */
export async function ensureWholeTtl(
  hold: { readonly remainingMs: number; extend(): Promise<void> },
  ttlMs: number,
): Promise<void> {
  if (hold.remainingMs < ttlMs * NEARLY) await hold.extend()
}
