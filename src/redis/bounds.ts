// The limits of a request: its deadline, and the size of its reply.
import { Budget, SHORTEST_DEADLINE_MS } from "../time/validity.js"
import { RedisError } from "./redis-error.js"

/**
 * Settles as the work does, or rejects with a `RedisError` of unknown outcome when the time is up.
 *
 * A timer that fires late was frozen along with its process, and the reply may be waiting to be read: it gets a moment.
 * The signal aborts the work; if it continues regardless, its promise is the error's `unsettled`.
 */
export async function withDeadline<T>(
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const working = work(controller.signal)
  const budget = new Budget(timeoutMs)
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeUp = new Promise<never>((_, reject) => {
    const giveUp = () => {
      const message = `no reply within ${Math.round(timeoutMs)} ms`
      reject(new RedisError(message, { outcome: "unknown", unsettled: working }))
      controller.abort()
    }
    timer = setTimeout(() => {
      if (budget.leftMs > -SHORTEST_DEADLINE_MS) giveUp()
      else timer = setTimeout(giveUp, SHORTEST_DEADLINE_MS)
    }, timeoutMs)
  })
  try {
    // The race also observes the loser, so a late rejection is not unhandled.
    return await Promise.race([working, timeUp])
  } finally {
    clearTimeout(timer)
  }
}

/** Much more than the reply of any of our scripts. */
export const LARGEST_REPLY = 1_048_576

/** For replies about many locks, or many keys. */
export const LARGEST_LIST = 64 * LARGEST_REPLY

/** @throws `RedisError` of unknown outcome for a longer body; the body's own error; the signal's reason */
export async function readBoundedText(
  response: Response,
  longest: number,
  signal: AbortSignal,
): Promise<string> {
  const body = response.body as ReadableStream<Uint8Array> | null
  // Some responses have no body, and the bodies of other implementations no reader.
  if (typeof body?.getReader !== "function") return response.text()
  const reader = body.getReader()
  const cancel = cancelOnAbort(reader, signal)
  const decoder = new TextDecoder()
  let text = ""
  let length = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return text + decoder.decode()
      length += value.byteLength
      if (length > longest) {
        throw new RedisError(`HTTP ${response.status}: the reply exceeds ${longest} bytes`, {
          outcome: "unknown",
          status: response.status,
        })
      }
      text += decoder.decode(value, { stream: true })
    }
  } finally {
    cancel()
  }
}

/**
 * Cancels the reader when the signal aborts, since a `fetch` that drops its signal does not; the result cancels it now.
 */
export function cancelOnAbort(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal | undefined,
): () => void {
  const cancel = () => {
    signal?.removeEventListener("abort", cancel)
    // Rejects if the stream itself has failed.
    reader.cancel().catch(() => undefined)
  }
  if (signal?.aborted) cancel()
  else signal?.addEventListener("abort", cancel)
  return cancel
}
