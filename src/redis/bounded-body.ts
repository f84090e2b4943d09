// Reads the body of a response as text, but no more of it than a bound, and no longer than its request is wanted.
import { RedisError } from "./redis-error.js"

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
