// A time limit for a request, kept also where the request itself cannot be cancelled.
import { Budget, SHORTEST_DEADLINE_MS } from "../time/budget.js"
import { RedisError } from "./redis-error.js"

/**
 * Settles as the work does, or rejects with a `RedisError` of unknown outcome when the time is up.
 *
 * A timer that fires late was frozen along with its process, and the answer may be waiting to be read: it gets a moment.
 * The work is told by its signal; if it goes on regardless, its answer is the error's `late`.
 */
export async function withDeadline<T>(
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const working = work(controller.signal)
  const budget = new Budget(timeoutMs)
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeUp = new Promise<never>((_, reject) => {
    const giveUp = () => {
      const message = `no answer within ${Math.round(timeoutMs)} ms`
      reject(new RedisError(message, { outcome: "unknown", late: working }))
      controller.abort()
    }
    timer = setTimeout(() => {
      if (budget.leftMs > -SHORTEST_DEADLINE_MS) giveUp()
      else timer = setTimeout(giveUp, SHORTEST_DEADLINE_MS)
    }, timeoutMs)
  })
  try {
    // The race also observes the loser, so a late rejection is nobody's unhandled one.
    return await Promise.race([working, timeUp])
  } finally {
    clearTimeout(timer)
  }
}
