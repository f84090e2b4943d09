// Asks again while the outcome is unknown.
import { RestError } from "../rest/rest-error.js"
import { sleep } from "../sleep.js"
import { backoffMs } from "./backoff.js"

/** So many unknown outcomes in a row mean that the database cannot be reached. */
export const MAX_TRIES = 3

/** When to stop asking. */
export interface AskOptions {
  /** How often to ask at most. @default 3 */
  readonly tries?: number
  /** Whether an answer is still worth having. @default always */
  readonly worthwhile?: () => boolean
  /** Told of each unknown outcome, before the pause that follows it. */
  readonly onUnknown?: (error: RestError) => void
}

/**
 * Repeats an operation that may be repeated until its outcome is known.
 *
 * Rejects as the operation did at last; `unknownBefore` tells it whether an earlier outcome was unknown.
 */
export async function askUntilKnown<T>(
  ask: (unknownBefore: boolean) => Promise<T>,
  { tries = MAX_TRIES, worthwhile = () => true, onUnknown }: AskOptions = {},
): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await ask(n > 1)
    } catch (error) {
      if (!(error instanceof RestError) || error.outcome === "refused") throw error
      onUnknown?.(error)
      if (n >= tries || !worthwhile()) throw error
    }
    await sleep(backoffMs(n))
  }
}
