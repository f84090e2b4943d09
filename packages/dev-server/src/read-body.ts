// Reads a request's body, up to a limit.
import { type Bytes, concatBytes, viewOf } from "./bytes.js"

/** The body exceeds the limit. */
export class BodyTooLargeError extends Error {
  override readonly name = "BodyTooLargeError"
}

/** @throws BodyTooLargeError */
export async function readBody(request: Request, limit: number): Promise<Bytes> {
  const length = request.headers.get("content-length")
  if (length !== null && Number(length) > limit) throw new BodyTooLargeError()
  // Only a body without a Content-Length can turn out to be longer. Streaming every body would be much slower.
  if (length !== null || request.headers.get("transfer-encoding") === null)
    return viewOf(new Uint8Array(await request.arrayBuffer()))
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length
    if (bytes > limit) throw new BodyTooLargeError()
    chunks.push(chunk)
  }
  return concatBytes(chunks)
}
