// Asks again while the outcome is unknown, or refused for a reason that passes.
import { LockBackendError, type LockPhase } from "../errors.js"
import { backoffMs } from "../time/backoff.js"
import { sleep } from "../time/timers.js"
import { Budget, deadlineMs } from "../time/validity.js"
import { RedisError } from "./redis-error.js"

/** So many unknown outcomes in a row mean that the database cannot be reached. */
export const MAX_TRIES = 3

/** When to stop asking. */
export interface RetryOptions {
  /** How often to ask at most. @default 3 */
  readonly tries?: number
  /** How long all of it may take together, in milliseconds. @default without limit */
  readonly withinMs?: number
  /** Whether an answer is still worth having. @default always */
  readonly worthwhile?: () => boolean
  /** Told of each unknown outcome, before the pause that follows it. */
  readonly onUnknown?: (error: RedisError) => void
  /** Told of each failure that may pass, whether its outcome is known or not, before the pause that follows it. */
  readonly onFailure?: (error: RedisError) => void
}

/**
 * Repeats an operation that may be repeated until its outcome is known.
 *
 * Rejects as the operation did at last. It is told how long it may take: what is left of the time, in milliseconds, and
 * never less than is useful.
 */
export async function retryUntilKnown<T>(
  ask: (leftMs: number) => Promise<T>,
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
      return await ask(deadlineMs(withinMs, budget.leftMs))
    } catch (error) {
      if (!(error instanceof RedisError) || !error.mayPass) throw error
      if (error.outcome === "unknown") onUnknown?.(error)
      onFailure?.(error)
      const pause = backoffMs(n)
      // A question that has no time left would only hide why the one before it failed.
      if (n >= tries || pause >= budget.leftMs || !worthwhile()) throw error
      await sleep(pause)
    }
  }
}

/** @throws `LockBackendError` when the database failed; anything else as it was thrown. */
export async function callDatabase<T>(
  name: string,
  phase: LockPhase,
  question: (leftMs: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  try {
    return await retryUntilKnown(question, options)
  } catch (error) {
    throw error instanceof RedisError ? new LockBackendError(name, phase, error) : error
  }
}
