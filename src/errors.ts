// The errors a caller can meet: one base, a closed set of codes, the facts as fields, never a token.
import { quoted } from "./values/invalid-argument.js"

/** Which kind of error it is: contention that outlasted the wait, a hold that ended, or a database that failed. */
export type LockErrorCode = "timeout" | "lost" | "backend"

/** What was being done when the database failed. */
export type LockPhase = "acquire" | "adopt" | "extend" | "release" | "inspect" | "query"

/**
 * Why a hold ended before its holder ended it.
 *
 * - `expired`: its time ran out
 * - `deleted`: its key is gone although its time is not up by this machine's clock: a program deleted it (`DEL`,
 *   `FLUSHALL`), or the database lost it (eviction, a failover, a restart)
 * - `taken`: somebody else holds the lock
 * - `stolen`: somebody took it on purpose
 * - `unreachable`: its time ran out while every renewal failed
 * - `abandoned`: its time ran out because nothing could reach its handle any more, so it was not renewed
 * - `released`: it was given up by `release()` or `transfer()`, or by `releaseAll()` of its manager
 */
export type LossReason =
  "expired" | "deleted" | "taken" | "stolen" | "unreachable" | "abandoned" | "released"

/** What all errors of this library have in common. */
export abstract class LockError extends Error {
  abstract readonly code: LockErrorCode
  /** The name of the lock; empty where a `query` was for all locks. (`name` is the error's own.) */
  readonly lockName: string

  constructor(lockName: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.lockName = lockName
  }
}

/** Somebody else held the lock for as long as the caller was willing to wait. */
export class LockTimeoutError extends LockError {
  override readonly name = "LockTimeoutError"
  readonly code = "timeout"
  /** How long the call waited, in milliseconds. */
  readonly waitedMs: number
  /** How many requests it sent. */
  readonly requests: number

  constructor(lockName: string, waitedMs: number, requests: number) {
    const waited = Math.round(waitedMs)
    super(lockName, `${quoted(lockName)} is held by somebody else (waited ${waited} ms)`)
    this.waitedMs = waited
    this.requests = requests
  }
}

/** The hold has ended, or can no longer be trusted: whatever it protected is unprotected. */
export class LockLostError extends LockError {
  /** `AbortError` for a theft, as in the Web Locks standard. */
  override readonly name: string
  readonly code = "lost"
  readonly reason: LossReason

  constructor(lockName: string, reason: LossReason, options?: ErrorOptions) {
    super(lockName, `${quoted(lockName)} is no longer held: ${LOSSES[reason]}`, options)
    this.name = reason === "stolen" ? "AbortError" : "LockLostError"
    this.reason = reason
  }
}

/** The database could not be reached, refused, or answered rubbish. It says nothing about who holds the lock. */
export class LockBackendError extends LockError {
  override readonly name = "LockBackendError"
  readonly code = "backend"
  readonly phase: LockPhase
  /** The HTTP status of the answer, where there was one. */
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
  taken: "somebody else holds it",
  stolen: "it was stolen",
  unreachable: "its time ran out while the database could not be reached",
  abandoned: "its handle was dropped without a release, so it was not renewed",
  released: "it has been released or transferred",
}
