// Waits for work, with a limit.
import { setTimeout as sleep } from "node:timers/promises"

/** Whether the work was done within the time. Rejects as the work does. */
export async function isInTime(work: Promise<unknown>, withinMs: number): Promise<boolean> {
  const done = new AbortController()
  const late = sleep(withinMs, false, { signal: done.signal })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    done.abort()
  }
}
