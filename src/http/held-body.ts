// Tells when a response's body is over, so that a lock can be held until then.

import { backgroundTimer } from "../time/validity.js"

/** The same response, and a promise for the end of its body. */
export interface HeldBody {
  readonly response: Response
  /** Resolves when the body was read to its end, was canceled, or failed. */
  readonly over: Promise<void>
}

/**
 * Passes the body on as it is read. If one of the signals aborts, the body fails with its reason, so that the client
 * notices that the body is incomplete.
 *
 * @param unreadMs if nothing has been read after this time, the body counts as dropped, and is over
 */
export function holdBody(
  response: Response,
  unreadMs: number,
  ...signals: readonly AbortSignal[]
): HeldBody {
  const { body } = response
  // A body that was read, or is being read, belongs to the code that reads it.
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
  // The source's own cancellation is part of the work.
  const cancel = (reason: unknown) => reader.cancel(reason).finally(end)
  // A middleware that replaced the response has dropped this body without canceling it.
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
    // No read-ahead: a chunk that was read counts as delivered to the client.
    { highWaterMark: 0 },
  )
  return { response: new Response(watched, response), over }
}
