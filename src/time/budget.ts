// How much of a budget of time is left for requests, whatever happens to the wall clock.

/**
 * The shortest useful deadline. A shorter one ends requests that a healthy database is about to answer, and then the
 * outcome is unknown.
 */
export const SHORTEST_DEADLINE_MS = 250

/**
 * The deadline of one request: what is left of a budget, no more than the request may take, and never too short to be
 * useful.
 *
 * @param longestMs what the request may take; the one limit that may be shorter than the floor, since the caller chose it
 * @param leftMs what is left of the budget; negative after a freeze
 */
export function deadlineMs(longestMs: number, leftMs: number): number {
  return Math.min(longestMs, Math.max(SHORTEST_DEADLINE_MS, leftMs))
}

/**
 * Milliseconds from now on that requests may use together.
 *
 * The monotonic clock alone counts. A wall clock that is set forward must not end a wait, and one that is set back must not
 * prolong it. (`Validity` asks both clocks, because there it is safe to stop too early.) While a machine sleeps the
 * monotonic clock may stand still; then the budget goes on with what was left. On Workers it stands still until the next
 * answer or timer, and every pause ends with one of those.
 */
export class Budget {
  readonly #startedMs = performance.now()
  readonly #forMs: number

  constructor(forMs: number) {
    this.#forMs = forMs
  }

  get usedMs(): number {
    return Math.max(0, performance.now() - this.#startedMs)
  }

  /** Negative when more than all of it was used: after a freeze. */
  get leftMs(): number {
    return this.#forMs - this.usedMs
  }
}
