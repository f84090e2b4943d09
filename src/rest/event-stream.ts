// Reads a subscription off a server-sent event stream: `data: message,<channel>,<payload>` and its kin.
import { RestError } from "./rest-error.js"
import type { Listener } from "./transport.js"

/** No frame of ours is nearly as long; what is, is no event stream. */
const MAX_FRAME = 16_384

/**
 * Reads until the stream ends; resolves or rejects then, however it ended.
 *
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 *
 * @param onConfirmed called when the database has confirmed the subscription
 */
export async function readEventStream(
  body: ReadableStream<Uint8Array>,
  onMessage: Listener["onMessage"],
  onConfirmed: () => void,
): Promise<void> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ""
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r?\n/)
      rest = lines.pop() ?? ""
      if (rest.length > MAX_FRAME) throw garbled()
      for (const line of lines) readLine(line, onMessage, onConfirmed)
    }
  } finally {
    // The stream may be what has failed.
    reader.cancel().catch(() => undefined)
  }
}

function readLine(line: string, onMessage: Listener["onMessage"], onConfirmed: () => void): void {
  // Blank lines end events, comments keep the connection alive, other fields say nothing to us.
  if (!line.startsWith("data:")) return
  const [, kind, payload = ""] = /^data: ?(subscribe|message),[^,]*,(.*)$/.exec(line) ?? []
  if (kind === undefined) throw garbled()
  if (kind === "subscribe") onConfirmed()
  else onMessage(payload)
}

function garbled(): RestError {
  return new RestError("the stream is garbled", { outcome: "unknown" })
}
