// What bounds a request: how long it may take, and how long its reply may be.
import { Budget, SHORTEST_DEADLINE_MS } from "../time/validity.js"
import { RedisError } from "./redis-error.js"

/**
 * Settles as the work does, or rejects with a `RedisError` of unknown outcome when the time is up.
 *
 * A timer that fires late was frozen along with its process, and the answer may be waiting to be read: it gets a moment.
 * The work is told by its signal; if it goes on regardless, its answer is the error's `late`.
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
      const message = `no answer within ${Math.round(timeoutMs)} ms`
      reject(new RedisError(message, { outcome: "unknown", late: working }))
      controller.abort()
    }
    timer = setTimeout(() => {
      if (budget.leftMs > -SHORTEST_DEADLINE_MS) giveUp()
      else timer = setTimeout(giveUp, SHORTEST_DEADLINE_MS)
    }, timeoutMs)
  })
  try {
    // The race also observes the loser, so a late rejection is nobody's unhandled one.
    return await Promise.race([working, timeUp])
  } finally {
    clearTimeout(timer)
  }
}

/** Much more than any script of ours replies. */
export const LARGEST_REPLY = 1_048_576

/** What is asked about many locks, or many keys, is answered at more length. */
export const LARGEST_LIST = 64 * LARGEST_REPLY

/** @throws `RedisError` of unknown outcome for a longer body; what the body fails with; the signal's reason */
export async function readBoundedText(
  response: Response,
  longest: number,
  signal: AbortSignal,
): Promise<string> {
  const body = response.body as ReadableStream<Uint8Array> | null
  // Some have no body, and those of other makes no reader.
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
        throw new RedisError(`HTTP ${response.status} with a reply of more than ${longest} bytes`, {
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
 * Cancels the reader when the signal aborts, which a `fetch` that drops its signal does not do; the result cancels it now.
 */
export function cancelOnAbort(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal | undefined,
): () => void {
  const cancel = () => {
    signal?.removeEventListener("abort", cancel)
    // The stream may be what has failed.
    reader.cancel().catch(() => undefined)
  }
  if (signal?.aborted) cancel()
  else signal?.addEventListener("abort", cancel)
  return cancel
}
