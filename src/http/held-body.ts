// A response whose body is watched: a lock may be held until it has been read.

import { backgroundTimer } from "../time/validity.js"

/** The same response, and what settles when its body is over. */
export interface HeldBody {
  readonly response: Response
  /** Resolves when the body was read to its end, was cancelled, or failed. */
  readonly over: Promise<void>
}

/**
 * Passes the body on as it is asked for. When one of the signals aborts, the body fails with its reason: a client
 * sees that it is not whole.
 *
 * @param unreadMs how long it may take until somebody begins to read; then it is taken for dropped, and is over
 */
export function holdBody(
  response: Response,
  unreadMs: number,
  ...signals: readonly AbortSignal[]
): HeldBody {
  const { body } = response
  // One that was read already, or is being read, is somebody else's.
  if (!body || body.locked) return { response, over: Promise.resolve() }
  const reader = body.getReader()
  const listening = new AbortController()
  let end!: () => void
  const over = new Promise<void>((resolve) => {
    end = () => {
      clearTimeout(unread)
      listening.abort()
      resolve()
    }
  })
  // What the source does when it is cancelled is part of the work.
  const cancel = (reason: unknown) => reader.cancel(reason).finally(end)
  // Whoever replaced the response has dropped this body, and says so to nobody.
  const unread = backgroundTimer(() => {
    cancel(undefined).catch(() => undefined)
  }, unreadMs)
  const watched = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        for (const signal of signals) {
          const fail = () => {
            controller.error(signal.reason)
            // A source that failed by itself has nothing left to cancel.
            cancel(signal.reason).catch(() => undefined)
          }
          if (signal.aborted) fail()
          signal.addEventListener("abort", fail, { once: true, signal: listening.signal })
        }
      },
      async pull(controller) {
        clearTimeout(unread)
        try {
          const { done, value } = await reader.read()
          if (!done) {
            controller.enqueue(value)
            return
          }
          controller.close()
        } catch (error) {
          // Nothing happens to a stream that has failed already.
          controller.error(error)
        }
        end()
      },
      cancel,
    },
    // Nothing is read ahead of the client: what was read counts as delivered.
    { highWaterMark: 0 },
  )
  return { response: new Response(watched, response), over }
}
