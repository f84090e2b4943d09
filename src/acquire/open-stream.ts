// Opens the stream of a call that waits: counted, bounded, and closed again if nobody is there any more when it opens.
import { RedisError } from "../redis/redis-error.js"
import type { Subscription } from "../redis/transport.js"
import { untilAborted } from "../time/timers.js"
import type { AttemptBounds, Attempts } from "./attempts.js"

/**
 * The stream, or undefined where there is none to be had.
 *
 * @throws the signal's reason
 */
export async function openStream(
  attempts: Attempts,
  { signal, timeoutMs }: Pick<AttemptBounds, "signal" | "timeoutMs">,
  open: (withinMs: number) => Promise<Subscription>,
): Promise<Subscription | undefined> {
  attempts.count()
  const opening = open(Math.min(timeoutMs, attempts.leftMs / 2))
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
    return undefined
  }
}
