// Waits without a queue: tries at fixed intervals, or after the holder's ttl or a backoff, whichever is shorter.
import type { Busy, Grant, LockStore } from "../redis/store.js"
import { backoffMs } from "../time/backoff.js"
import { sleep } from "../time/timers.js"
import type { AcquisitionRequest, Attempts } from "./attempts.js"

/** @param busy the reply to the first try */
export async function spin(
  store: LockStore,
  request: AcquisitionRequest,
  attempts: Attempts,
  busy: Busy,
): Promise<Grant> {
  const { intervalMs, signal } = request
  let reply: Grant | Busy = busy
  for (let refusals = 1; reply.kind === "busy"; refusals++) {
    attempts.assertMayContinue()
    const { holderTtlMs } = reply
    // One more than the holder has left: its key is gone only after that time.
    const pause = intervalMs ?? Math.min((holderTtlMs ?? Infinity) + 1, backoffMs(refusals))
    await sleep(Math.max(0, Math.min(attempts.leftMs, pause)), signal)
    reply = await attempts.send((timeoutMs) => store.tryAcquire(request, timeoutMs), true)
  }
  return reply
}
