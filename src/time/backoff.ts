// How long to pause between two questions: exponential backoff with full jitter.

/** The first pause is shorter than this, each further one may be twice as long. */
const BASE_MS = 50
/** No pause is longer than this. */
const CAP_MS = 2_000

/**
 * A random pause in milliseconds after the `n`-th answer (from 1 on).
 *
 * Full jitter: of all ways to spread callers that were refused together, it costs the fewest requests.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function backoffMs(n: number): number {
  return Math.random() * Math.min(CAP_MS, BASE_MS * 2 ** n)
}
