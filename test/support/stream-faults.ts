// The faults of an event stream: the network cuts it, falls silent, garbles it, or splits it anywhere.
import type { IncomingMessage, ServerResponse } from "node:http"

/** A fault of a stream that was opened. Plain data, as the faults of requests are. */
export type StreamFault =
  /** It breaks at the given time after it was opened: in good order, or by a reset. */
  | { readonly kind: "stream-cut"; readonly afterMs: number; readonly by?: "end" | "reset" }
  /** It stays open, and nothing comes through any more: from the beginning, or once it has been confirmed. */
  | { readonly kind: "stream-stalled"; readonly after: "headers" | "confirmation" }
  /** Everything after the confirmation arrives as this text instead. */
  | { readonly kind: "stream-garbled"; readonly text: string }
  /** It arrives in pieces of the given number of bytes. */
  | { readonly kind: "stream-split"; readonly bytes: number }

export function isStreamFault(fault: { readonly kind: string } | undefined): fault is StreamFault {
  return fault?.kind.startsWith("stream-") ?? false
}

/** Passes a response on as it comes, except for the fault. */
export function passStream(
  answer: IncomingMessage,
  response: ServerResponse,
  fault: StreamFault | undefined,
): void {
  response.writeHead(answer.statusCode ?? 0, answer.headers)
  response.flushHeaders()
  answer.on("error", () => response.destroy())
  answer.on("end", () => response.end())
  let isConfirmed = false
  answer.on("data", (chunk: Buffer) => {
    for (const piece of distort(chunk, fault, isConfirmed)) response.write(piece)
    isConfirmed = true
  })
  if (fault?.kind !== "stream-cut") return
  const cut = setTimeout(() => {
    if (fault.by === "reset") response.socket?.resetAndDestroy()
    else response.end()
    answer.destroy()
  }, fault.afterMs)
  response.on("close", () => {
    clearTimeout(cut)
  })
}

function distort(
  chunk: Buffer,
  fault: StreamFault | undefined,
  isConfirmed: boolean,
): readonly (Buffer | string)[] {
  switch (fault?.kind) {
    case "stream-stalled":
      return isConfirmed || fault.after === "headers" ? [] : [chunk]
    case "stream-garbled":
      return isConfirmed ? [fault.text] : [chunk]
    case "stream-split":
      return Array.from({ length: Math.ceil(chunk.length / fault.bytes) }, (_, i) =>
        chunk.subarray(i * fault.bytes, (i + 1) * fault.bytes),
      )
    case "stream-cut":
    case undefined:
      return [chunk]
  }
}
