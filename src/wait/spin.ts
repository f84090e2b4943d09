// Waits without a queue: asks over and over, at fixed intervals or at such as the holder's ttl and a backoff suggest.
import { sleep } from "../sleep.js"
import type { Busy, Grant, LockStore } from "../store/store.js"
import type { AcquisitionRequest } from "./acquisition-request.js"
import { backoffMs } from "../backoff.js"
import type { Inquiry } from "./inquiry.js"

/** @param busy what the first question was answered */
export async function spin(
  store: LockStore,
  request: AcquisitionRequest,
  inquiry: Inquiry,
  busy: Busy,
): Promise<Grant> {
  const { intervalMs, signal } = request
  let answer: Grant | Busy = busy
  for (let refusals = 1; answer.kind === "busy"; refusals++) {
    inquiry.assertMayGoOn()
    const { holderTtlMs } = answer
    // One more than the holder has left: its key goes when that time has passed.
    const pause = intervalMs ?? Math.min((holderTtlMs ?? Infinity) + 1, backoffMs(refusals))
    await sleep(Math.max(0, Math.min(inquiry.leftMs, pause)), signal)
    answer = await inquiry.ask((timeoutMs) => store.tryAcquire(request, timeoutMs, true))
  }
  return answer
}
