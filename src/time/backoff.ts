// The pause between two attempts: exponential backoff with full jitter.

/** Half the longest first pause; the limit doubles with each attempt. */
const BASE_MS = 50
/** The longest pause. */
const CAP_MS = 2_000

/**
 * A random pause in milliseconds after the `n`-th attempt (the first is 1).
 *
 * Full jitter spreads callers that were refused together with the fewest requests.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs(n: number): number {
  return Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** n)
}
