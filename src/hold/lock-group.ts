// Several locks that are held together.
import type { ReleaseResult } from "../events.js"
import { anySignal } from "../time/any-signal.js"
import type { Duration } from "../time/duration.js"
import type { Lock } from "./lock.js"

/**
 * Locks that were granted together by `locks.acquireAll()`. What holds for the group is what holds for all of them:
 * it is valid as long as the one that ends first.
 *
 * @example
 * ```ts
 * await using both = await locks.acquireAll(["account:1", "account:2"])
 * await transfer({ signal: both.signal })
 * ```
 */
export class LockGroup {
  /** The locks, in the order in which they were named. */
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
    // Each looks at the clock when it is asked.
    const lost = this.locks.map(({ signal }) => signal).find(({ aborted }) => aborted)
    return lost ?? this.#signal
  }

  /**
   * Lets each of them last for at least `ttl` from now on.
   *
   * @throws as `Lock.extend` does; then some may have been extended.
   */
  async extend(ttl?: Duration): Promise<void> {
    await Promise.all(this.locks.map((lock) => lock.extend(ttl)))
  }

  /**
   * Releases all of them.
   *
   * @returns how each release ended, in the order in which they were named
   * @throws `LockBackendError` when one of them cannot be found out; the others are released all the same.
   */
  async release(): Promise<ReleaseResult[]> {
    const releases = this.locks.map((lock) => lock.release())
    await Promise.allSettled(releases)
    return Promise.all(releases)
  }

  /** The end of the scope: as that of each lock. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.locks.map((lock) => lock[Symbol.asyncDispose]()))
  }
}

/** So much of the ttl is left where nothing had to be waited for: less is a lease, or was granted a while ago. */
const NEARLY = 0.9

/** @throws as `Lock.extend` does. */
export async function ensureWholeTtl(
  hold: { readonly remainingMs: number; extend(): Promise<void> },
  ttlMs: number,
): Promise<void> {
  if (hold.remainingMs < ttlMs * NEARLY) await hold.extend()
}
