// The public errors: one base class, a closed set of codes, the facts as fields, never a token.
import { quoted } from "./values/invalid-argument.js"

/** The kind of an error: contention that outlasted the wait, a hold that ended, a database that failed, or a manager that was closed. */
export type LockErrorCode = "timeout" | "lost" | "backend" | "closed"

/** The operation during which the database failed. */
export type LockPhase = "acquire" | "adopt" | "extend" | "release" | "inspect" | "query"

/**
 * Why a hold ended before its holder ended it.
 *
 * - `expired`: its time ran out
 * - `deleted`: its key is gone although its time is not up by this machine's clock: a program deleted it (`DEL`,
 *   `FLUSHALL`), or the database lost it (eviction, a failover, a restart)
 * - `taken`: another holder has the lock
 * - `stolen`: another caller stole the lock (`steal`, `forceRelease`)
 * - `unreachable`: its time ran out while every renewal failed
 * - `abandoned`: its time ran out because its handle was not reachable any more, so it was not renewed
 * - `released`: it was given up by `release()` or `transfer()`, or by `releaseAll()` of its manager
 */
export type LossReason =
  "expired" | "deleted" | "taken" | "stolen" | "unreachable" | "abandoned" | "released"

/**
 * The base of all errors of this library. Invalid arguments are reported as `TypeError`, `RangeError` or the DOM's
 * `NotSupportedError` instead, and an abort as the signal's own reason.
 *
 * @example
 * ```ts
 * import { LockError } from "fetchlock"
 *
 * try {
 *   await locks.acquire("invoice:42")
 * } catch (error) {
 *   if (!(error instanceof LockError)) throw error
 *   console.log(error.code, error.lockName)
 * }
 * ```
 */
export abstract class LockError extends Error {
  /** The kind of the error, for a `switch`. */
  abstract readonly code: LockErrorCode
  /** The name of the lock; empty for a `query` of all locks. (`name` is the name of the error.) */
  readonly lockName: string

  constructor(lockName: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.lockName = lockName
  }
}

/**
 * The lock was held by others for as long as the caller was willing to wait.
 *
 * @example
 * ```ts
 * import { LockTimeoutError } from "fetchlock"
 *
 * try {
 *   await locks.request("invoice:42", { wait: "2s" }, (lock) => charge({ signal: lock.signal }))
 * } catch (error) {
 *   if (!(error instanceof LockTimeoutError)) throw error
 *   console.log(`busy, waited ${error.waitedMs} ms`)
 * }
 * ```
 */
export class LockTimeoutError extends LockError {
  override readonly name = "LockTimeoutError"
  /** `"timeout"` */
  readonly code = "timeout"
  /** How long the call waited, in milliseconds. */
  readonly waitedMs: number
  /** The number of requests that the call sent. */
  readonly requests: number
  /**
   * Whether the same manager held the lock, or a permit of it, when the wait ended: most likely a nested call, since locks
   * are not reentrant. Other holds of the manager's process are not known, nor are holds that were kept or transferred.
   */
  readonly isHeldByThisManager: boolean

  constructor(lockName: string, waitedMs: number, requests: number, isHeldByThisManager = false) {
    const waited = Math.round(waitedMs)
    const holder = isHeldByThisManager ? "this manager" : "another caller"
    super(lockName, `${quoted(lockName)} is held by ${holder} (waited ${waited} ms)`)
    this.waitedMs = waited
    this.requests = requests
    this.isHeldByThisManager = isHeldByThisManager
  }
}

/**
 * The manager was closed by its `releaseAll()`, so it takes no lock any more.
 *
 * @example
 * ```ts
 * import { LockClosedError } from "fetchlock"
 *
 * const waiting = locks.acquire("invoice:42")
 * await locks.releaseAll()
 * await waiting.catch((error) => {
 *   if (!(error instanceof LockClosedError)) throw error
 * })
 * ```
 */
export class LockClosedError extends LockError {
  override readonly name = "LockClosedError"
  /** `"closed"` */
  readonly code = "closed"

  constructor(lockName: string) {
    super(lockName, `${quoted(lockName)} was not acquired: the manager is closed`)
  }
}

/**
 * The hold has ended, or can no longer be trusted: its work is no longer protected. It is thrown by the calls of a `Lock`,
 * rejects a `request`, and is the reason of `lock.signal`.
 *
 * @example
 * ```ts
 * import { LockLostError } from "fetchlock"
 *
 * try {
 *   await lock.extend()
 * } catch (error) {
 *   if (!(error instanceof LockLostError)) throw error
 *   console.log(`stop working: ${error.reason}`)
 * }
 * ```
 */
export class LockLostError extends LockError {
  /** `AbortError` if the lock was stolen, as in the Web Locks standard. */
  override readonly name: string
  /** `"lost"` */
  readonly code = "lost"
  /** Why the hold ended. */
  readonly reason: LossReason

  constructor(lockName: string, reason: LossReason, options?: ErrorOptions) {
    super(lockName, `${quoted(lockName)} is no longer held: ${LOSSES[reason]}`, options)
    this.name = reason === "stolen" ? "AbortError" : "LockLostError"
    this.reason = reason
  }
}

/**
 * The database could not be reached, refused, or returned an invalid response. The lock may be held or not; if it is, it ends
 * with its ttl. `cause` is the failure itself.
 *
 * @example
 * ```ts
 * import { LockBackendError } from "fetchlock"
 *
 * try {
 *   await locks.acquire("invoice:42")
 * } catch (error) {
 *   if (!(error instanceof LockBackendError)) throw error
 *   console.log(`could not ${error.phase}`, error.status)
 * }
 * ```
 */
export class LockBackendError extends LockError {
  override readonly name = "LockBackendError"
  /** `"backend"` */
  readonly code = "backend"
  /** What the library was doing. */
  readonly phase: LockPhase
  /** The HTTP status of the response, if there was one. */
  readonly status: number | undefined

  constructor(
    lockName: string,
    phase: LockPhase,
    cause: Error & { readonly status?: number | undefined },
  ) {
    const what = phase === "query" && lockName === "" ? "all locks" : quoted(lockName)
    super(lockName, `could not ${phase} ${what}: ${cause.message}`, { cause })
    this.phase = phase
    this.status = cause.status
  }
}

const LOSSES: Record<LossReason, string> = {
  expired: "its time ran out",
  deleted: "its key was deleted, or the database lost it",
  taken: "another caller holds it",
  stolen: "it was stolen",
  unreachable: "its time ran out while the database could not be reached",
  abandoned: "its handle was dropped without a release, so it was not renewed",
  released: "it has been released or transferred",
}
