// Waits without a queue: asks over and over, at fixed intervals or at such as the holder's ttl and a backoff suggest.
import type { Busy, Grant, LockStore } from "../redis/store.js"
import { backoffMs } from "../time/backoff.js"
import { sleep } from "../time/timers.js"
import type { AcquisitionRequest, Attempts } from "./attempts.js"

/** @param busy what the first question was answered */
export async function spin(
  store: LockStore,
  request: AcquisitionRequest,
  attempts: Attempts,
  busy: Busy,
): Promise<Grant> {
  const { intervalMs, signal } = request
  let answer: Grant | Busy = busy
  for (let refusals = 1; answer.kind === "busy"; refusals++) {
    attempts.assertMayGoOn()
    const { holderTtlMs } = answer
    // One more than the holder has left: its key goes when that time has passed.
    const pause = intervalMs ?? Math.min((holderTtlMs ?? Infinity) + 1, backoffMs(refusals))
    await sleep(Math.max(0, Math.min(attempts.leftMs, pause)), signal)
    answer = await attempts.ask((timeoutMs) => store.tryAcquire(request, timeoutMs, true), true)
  }
  return answer
}
