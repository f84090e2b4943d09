// A subscription from its opening to its end: confirmed in time or not at all, and silent once it is closed.
import { withDeadline } from "./deadline.js"
import type { Listener, Subscription } from "./transport.js"

/** What a stream reports. `onFailure` may be called more than once. */
export interface StreamEvents {
  readonly onConfirmed: () => void
  readonly onMessage: (message: string) => void
  readonly onFailure: (error: Error) => void
}

/**
 * Resolves when the stream is confirmed; what fails until then is the caller's, and what fails later the listener's.
 *
 * @param start opens the stream; its result ends it
 */
export async function openSubscription(
  start: (events: StreamEvents) => () => void,
  listener: Listener,
  timeoutMs: number,
): Promise<Subscription> {
  let isOpen = true
  let stop: (() => void) | undefined
  const close = () => {
    isOpen = false
    stop?.()
  }
  const confirmed = new Promise<void>((resolve, reject) => {
    let isConfirmed = false
    stop = start({
      onConfirmed() {
        isConfirmed = true
        resolve()
      },
      onMessage(message) {
        if (isOpen) listener.onMessage(message)
      },
      onFailure(error) {
        if (!isConfirmed) reject(error)
        if (!isConfirmed || !isOpen) return
        isOpen = false
        listener.onEnd()
      },
    })
  })
  try {
    await withDeadline(timeoutMs, () => confirmed)
    return { close }
  } catch (error) {
    close()
    throw error
  }
}
