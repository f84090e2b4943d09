// Stores and repeats a response: its status, its headers and its bytes.

/** Status, headers, and the body in base64. */
export type StoredResponse = readonly [
  status: number,
  headers: readonly (readonly [name: string, value: string])[],
  body: string,
]

/** Headers of a single response or connection. https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1 */
const NEVER_STORED =
  /^(set-cookie2?|date|content-length|connection|keep-alive|proxy-connection|proxy-authenticate|proxy-authorization|te|trailer|transfer-encoding|upgrade)$/

/** The statuses whose responses have no body. https://fetch.spec.whatwg.org/#null-body-status */
const WITHOUT_BODY = [101, 204, 205, 304]

/**
 * Leaves the response readable. Resolves when its body has ended or has exceeded `maxBytes`; undefined then, and for a
 * body that is being read elsewhere.
 *
 * @throws the error that the body fails with
 */
export async function storeResponse(
  response: Response,
  maxBytes: number,
): Promise<StoredResponse | undefined> {
  const { status, headers, body, bodyUsed } = response
  const named = (headers.get("Connection") ?? "").toLowerCase().split(/\s*,\s*/)
  const stored = [...headers].filter(([name]) => !NEVER_STORED.test(name) && !named.includes(name))
  // A body that is being read elsewhere cannot be read again.
  const isReadable = !body || (!bodyUsed && !body.locked)
  const bytes = isReadable ? await readUpTo(response.clone().body, maxBytes) : undefined
  return bytes && [status, stored, toBase64(bytes)]
}

/** @throws for a value that `storeResponse` did not create. */
export function repeatResponse([status, stored, body]: StoredResponse): Response {
  const headers = new Headers(stored as [string, string][])
  headers.set("Idempotent-Replayed", "true")
  const bytes = WITHOUT_BODY.includes(status) ? null : fromBase64(body)
  return new Response(bytes, { status, headers })
}

async function readUpTo(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = body?.getReader()
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
    if (done) break
    length += value.length
    if (length > maxBytes) {
      // Settles only when the other branch is canceled, too.
      reader?.cancel().catch(() => undefined)
      return undefined
    }
    chunks.push(value)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

function toBase64(bytes: Uint8Array): string {
  let text = ""
  // In chunks: more arguments would overflow the stack of some engines.
  for (let at = 0; at < bytes.length; at += 8_192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8_192))
  }
  return btoa(text)
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
}
