// Waits without a queue: asks over and over, at fixed intervals or at such as the holder's ttl and a backoff suggest.
import { sleep } from "../sleep.js"
import type { Busy, Grant, LockStore } from "../store/store.js"
import type { AcquisitionRequest } from "./acquisition-request.js"
import { backoffMs } from "./backoff.js"
import type { Inquiry } from "./inquiry.js"

/** @param busy what the first question was answered */
export async function spin(
  store: LockStore,
  request: AcquisitionRequest,
  inquiry: Inquiry,
  busy: Busy,
): Promise<Grant> {
  const { intervalMs, signal } = request
  let holderTtlMs = busy.holderTtlMs
  for (let refusals = 1; ; refusals++) {
    inquiry.assertMayGoOn()
    // One more than the holder has left: its key goes when that time has passed.
    const pause = intervalMs ?? Math.min((holderTtlMs ?? Infinity) + 1, backoffMs(refusals))
    await sleep(Math.min(inquiry.leftMs, pause), signal)
    // A fixed interval needs no ttl of the holder; but who may have the lock, or looks for the last time, must know.
    const isLast = inquiry.leftMs <= 0 || inquiry.requestsLeft <= 1
    const mustKnow = intervalMs === undefined || inquiry.isUncertain || store.mayResend || isLast
    const answer = await inquiry.ask((_, timeoutMs) =>
      mustKnow ? store.retake(request, timeoutMs) : store.take(request, timeoutMs),
    )
    if (answer.kind === "granted") return answer
    holderTtlMs = answer.holderTtlMs
  }
}
