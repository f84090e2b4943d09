// Retries an operation while its outcome is unknown, or it is refused for a temporary reason.
import { LockBackendError, type LockPhase } from "../errors.js"
import { backoffMs } from "../time/backoff.js"
import { sleep } from "../time/timers.js"
import { Budget, deadlineMs } from "../time/validity.js"
import { RedisError } from "./redis-error.js"

/** After this number of unknown outcomes in a row, the database counts as unreachable. */
export const MAX_TRIES = 3

/** When to give up. */
export interface RetryOptions {
  /** The most tries. @default 3 */
  readonly tries?: number
  /** How long all tries may take together, in milliseconds. @default without limit */
  readonly withinMs?: number
  /** Whether another try still makes sense. @default always */
  readonly worthwhile?: () => boolean
  /** Called for each unknown outcome, before the pause that follows it. */
  readonly onUnknown?: (error: RedisError) => void
  /** Called for each temporary failure, of known or unknown outcome, before the pause that follows it. */
  readonly onFailure?: (error: RedisError) => void
}

/**
 * Repeats an idempotent operation until its outcome is known.
 *
 * Rejects as the last try did. The operation receives its time limit: the rest of the time in milliseconds, and never less
 * than is useful.
 */
export async function retryUntilKnown<T>(
  operation: (leftMs: number) => Promise<T>,
  {
    tries = MAX_TRIES,
    withinMs = Infinity,
    worthwhile = () => true,
    onUnknown,
    onFailure,
  }: RetryOptions = {},
): Promise<T> {
  const budget = new Budget(withinMs)
  for (let n = 1; ; n++) {
    try {
      return await operation(deadlineMs(withinMs, budget.leftMs))
    } catch (error) {
      if (!(error instanceof RedisError) || !error.isTransient) throw error
      if (error.outcome === "unknown") onUnknown?.(error)
      onFailure?.(error)
      const pause = backoffMs(n)
      // A try without time left would only hide why the one before it failed.
      if (n >= tries || pause >= budget.leftMs || !worthwhile()) throw error
      await sleep(pause)
    }
  }
}

/** @throws `LockBackendError` when the database failed; anything else as it was thrown. */
export async function callDatabase<T>(
  name: string,
  phase: LockPhase,
  operation: (leftMs: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  try {
    return await retryUntilKnown(operation, options)
  } catch (error) {
    throw error instanceof RedisError ? new LockBackendError(name, phase, error) : error
  }
}
