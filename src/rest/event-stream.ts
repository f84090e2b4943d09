// Reads a subscription off a server-sent event stream: `data: message,<channel>,<payload>` and its kin.
import { RestError } from "./rest-error.js"
import type { StreamEvents } from "./subscription.js"

/** No frame of ours is nearly as long; what is, is no event stream. */
const MAX_FRAME = 16_384

/**
 * Reads until the stream ends, which it never does without an error: a `RestError`, or what its body fails with.
 *
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export async function readEventStream(
  body: ReadableStream<Uint8Array>,
  { onConfirmed, onMessage }: Pick<StreamEvents, "onConfirmed" | "onMessage">,
): Promise<never> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ""
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw new RestError("the stream ended", { outcome: "unknown" })
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r?\n/)
      rest = lines.pop() ?? ""
      for (const line of lines) {
        // Blank lines end events, comments keep the connection alive, other fields say nothing to us.
        if (!line.startsWith("data:")) continue
        const [, kind, payload = ""] = /^data: ?(subscribe|message),[^,]*,(.*)$/.exec(line) ?? []
        if (kind === "subscribe") onConfirmed()
        else if (kind === "message") onMessage(payload)
        else throw garbled()
      }
      if (rest.length > MAX_FRAME) throw garbled()
    }
  } finally {
    // The stream may be what has failed.
    reader.cancel().catch(() => undefined)
  }
}

function garbled(): RestError {
  return new RestError("the stream is garbled", { outcome: "unknown" })
}
