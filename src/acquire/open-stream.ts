// Opens the stream of a call that waits: counted, limited in time, and closed again if the call has ended meanwhile.
import type { PollingReason } from "../events.js"
import { RedisError } from "../redis/redis-error.js"
import type { Subscription } from "../redis/transport.js"
import { deadlineMs } from "../time/validity.js"
import { untilAborted } from "../time/timers.js"
import type { AttemptBounds, Attempts } from "./attempts.js"

/**
 * The stream, or undefined if it could not be opened.
 *
 * @param onPolling receives the reason why it could not be opened
 * @throws the signal's reason
 */
export async function openStream(
  attempts: Attempts,
  { signal, timeoutMs }: Pick<AttemptBounds, "signal" | "timeoutMs">,
  open: (withinMs: number) => Promise<Subscription>,
  onPolling?: (reason: PollingReason) => void,
): Promise<Subscription | undefined> {
  attempts.count()
  const opening = open(deadlineMs(timeoutMs, attempts.leftMs / 2))
  try {
    return await untilAborted(opening, signal)
  } catch (error) {
    // After an abort it may still open.
    opening.then(
      (stream) => {
        stream.close()
      },
      () => undefined,
    )
    if (!(error instanceof RedisError)) throw error
    onPolling?.(error.isTransient ? "failed" : "refused")
    return undefined
  }
}
