// The judge of waits: no acquire call may take longer than its `wait`, one request, and the delay by the machine.
import { TIMEOUT_MS } from "../times.js"
import type { Wait } from "./hold.js"
import type { Setbacks } from "./setbacks.js"

const SLACK_MS = 1_000

/** By how many milliseconds the call is overdue at `now`; 0 if it is not. */
export function overdueMs(wait: Wait, now: number, setbacks: Setbacks): number {
  const { client, from, until = now, waitMs } = wait
  const lastedMs = until - from - setbacks.pausedBetween(client, from, until)
  const boundMs = waitMs + TIMEOUT_MS + SLACK_MS + setbacks.lagBetween(from, until)
  return Math.max(0, lastedMs - boundMs)
}
