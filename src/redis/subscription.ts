// Subscriptions: confirmed in time or failed, and without events after they were closed.
import { cancelOnAbort, withDeadline } from "./bounds.js"
import { RedisError } from "./redis-error.js"
import type { Listener, Subscription } from "./transport.js"

/** The events of a stream. `onFailure` may be called more than once. */
export interface StreamEvents {
  readonly onConfirmed: () => void
  readonly onMessage: (message: string) => void
  readonly onFailure: (error: Error) => void
}

/**
 * Resolves when the stream is confirmed. It rejects with an earlier failure; a later one ends the listener.
 *
 * @param start opens the stream; the function that it returns closes it
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
        // Without effect once it is confirmed.
        reject(error)
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

/** Our frames are much shorter: a longer one is not from an event stream of ours. */
const MAX_FRAME = 16_384

/**
 * Reads until the stream ends, which always is an error: a `RedisError`, or the error of the body. Frames of another channel
 * are skipped: a message to another waiter is never a grant of ours.
 *
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export async function readEventStream(
  body: ReadableStream<Uint8Array>,
  channel: string,
  { onConfirmed, onMessage }: Pick<StreamEvents, "onConfirmed" | "onMessage">,
  signal?: AbortSignal,
): Promise<never> {
  const reader = body.getReader()
  const cancel = cancelOnAbort(reader, signal)
  const decoder = new TextDecoder()
  let rest = ""
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw new RedisError("the stream ended", { outcome: "unknown" })
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r?\n/)
      rest = lines.pop() ?? ""
      for (const line of lines) {
        // Blank lines end events, comments keep the connection alive, other fields have no meaning here.
        if (!line.startsWith("data:")) continue
        const [, kind, of, payload = ""] =
          /^data: ?(subscribe|message),([^,]*),(.*)$/.exec(line) ?? []
        if (kind === undefined) throw garbled()
        if (of !== channel) continue
        if (kind === "subscribe") onConfirmed()
        else onMessage(payload)
      }
      if (rest.length > MAX_FRAME) throw garbled()
    }
  } finally {
    cancel()
  }
}

function garbled(): RedisError {
  return new RedisError("the stream is garbled", { outcome: "unknown" })
}
