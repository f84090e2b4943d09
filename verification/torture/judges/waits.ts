// The judge of waits: no acquire call outlives its `wait`, one request, and what the machine cost it.
import { TIMEOUT_MS } from "../times.js"
import type { Wait } from "./hold.js"
import type { Setbacks } from "./setbacks.js"

const SLACK_MS = 1_000

/** By how many milliseconds the call has lasted for too long, seen at `now`; 0 if it has not. */
export function overdueMs(wait: Wait, now: number, setbacks: Setbacks): number {
  const { client, from, until = now, waitMs } = wait
  const lastedMs = until - from - setbacks.pausedBetween(client, from, until)
  const boundMs = waitMs + TIMEOUT_MS + SLACK_MS + setbacks.lagBetween(from, until)
  return Math.max(0, lastedMs - boundMs)
}
