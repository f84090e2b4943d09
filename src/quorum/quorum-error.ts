// The error of an operation without a majority: each database's own reason.
import { RedisError } from "../redis/redis-error.js"

/** The failure of one database. */
export interface QuorumFailure {
  /** The index of the database in the list that was passed to `quorum()`. */
  readonly database: number
  /** The failure itself; its message contains no token. */
  readonly reason: Error
}

/**
 * Too few databases of a quorum gave a usable reply. It is the `cause` of a `LockBackendError`.
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
  /** One for each database without a usable reply, in the order of the list. */
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

  /** False: the attempt that throws this withdraws its votes itself. */
  override get mayHaveBeenExecuted(): boolean {
    return false
  }
}

function statusOf(reason: Error): number | undefined {
  return reason instanceof RedisError ? reason.status : undefined
}

export class VoidVoteError extends RedisError {
  /** False: there is nothing to withdraw, or it is being withdrawn. */
  override get mayHaveBeenExecuted(): boolean {
    return false
  }
}
