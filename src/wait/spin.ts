// Waits without a queue: asks over and over, at fixed intervals or at such as the holder's ttl and a backoff suggest.
import { sleep } from "../sleep.js"
import type { Busy, Grant, LockStore } from "../store/store.js"
import type { AcquisitionRequest } from "./acquisition-request.js"
import { backoffMs } from "../backoff.js"
import { type Inquiry, isCertain } from "./inquiry.js"

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
    // A look that was not meant to be the last may have lasted until the wait was over.
    if (isCertain(answer)) inquiry.assertMayGoOn()
    const { holderTtlMs } = answer
    // One more than the holder has left: its key goes when that time has passed.
    const pause = intervalMs ?? Math.min((holderTtlMs ?? Infinity) + 1, backoffMs(refusals))
    await sleep(Math.max(0, Math.min(inquiry.leftMs, pause)), signal)
    // A fixed interval needs no ttl of the holder; but who may have the lock, or looks for the last time, must know.
    const isLast = inquiry.leftMs <= 0 || inquiry.requestsLeft <= 1
    const mustKnow = intervalMs === undefined || inquiry.isUncertain || store.mayResend || isLast
    answer = await inquiry.ask((isRepeated, timeoutMs) =>
      mustKnow || isRepeated ? store.retake(request, timeoutMs) : store.take(request, timeoutMs),
    )
  }
  return answer
}
