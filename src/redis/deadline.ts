// A time limit for a request, kept also where the request itself cannot be cancelled.
import { RedisError } from "./redis-error.js"

/**
 * Settles as the work does, or rejects with a `RedisError` of unknown outcome when the time is up.
 *
 * The work is told by its signal; if it goes on regardless, its answer is the error's `late`.
 */
export async function withDeadline<T>(
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const working = work(controller.signal)
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeUp = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `no answer within ${Math.round(timeoutMs)} ms`
      reject(new RedisError(message, { outcome: "unknown", late: working }))
      controller.abort()
    }, timeoutMs)
  })
  try {
    // The race also observes the loser, so a late rejection is nobody's unhandled one.
    return await Promise.race([working, timeUp])
  } finally {
    clearTimeout(timer)
  }
}
