// Says why there is no majority: each database's own reason.
import { RedisError } from "../redis/redis-error.js"

/** What one database had to say. */
export interface QuorumFailure {
  /** Which one: its place in the list that `quorum()` was given, from 0 on. */
  readonly database: number
  readonly reason: Error
}

/**
 * Too few databases of a quorum gave a usable answer. It is the `cause` of a `LockBackendError`.
 *
 * @example
 * ```ts
 * import { LockBackendError } from "fetchlock"
 * import { QuorumError } from "fetchlock/quorum"
 *
 * try {
 *   await locks.acquire("invoice:42")
 * } catch (error) {
 *   if (!(error instanceof LockBackendError && error.cause instanceof QuorumError)) throw error
 *   for (const { database, reason } of error.cause.failures) console.log(database, reason.message)
 * }
 * ```
 */
export class QuorumError extends RedisError {
  override readonly name = "QuorumError"
  /** One for each database that gave no usable answer, in the order of the list. */
  readonly failures: readonly QuorumFailure[]

  /** @internal */
  constructor(failures: readonly QuorumFailure[], size: number, outcome: "refused" | "unknown") {
    const reasons = failures.map(({ database, reason }) => `[${database}] ${reason.message}`)
    const [first, ...others] = failures.map(({ reason }) => statusOf(reason))
    super(`no majority of ${size} databases: ${reasons.join("; ")}`, {
      outcome,
      status: others.every((status) => status === first) ? first : undefined,
    })
    this.failures = failures
  }

  /** What may have been is taken back by whoever reports this. */
  override get mayHaveBeenExecuted(): boolean {
    return false
  }
}

function statusOf(reason: Error): number | undefined {
  return reason instanceof RedisError ? reason.status : undefined
}

export class VoidVoteError extends RedisError {
  /** There is nothing that would have to be taken back, or it is being taken back. */
  override get mayHaveBeenExecuted(): boolean {
    return false
  }
}
