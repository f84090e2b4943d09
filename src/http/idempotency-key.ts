// Reads the Idempotency-Key header. https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-idempotency-key-header

/** A string as in RFC 9651, section 3.3.3: in quotes, with `\"` and `\\` for a quote and a backslash. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/
/** The form that most clients send: visible ASCII without quotes. */
const BARE = /^[!#-~]+$/
const MAX_LENGTH = 255

/** The key; undefined if there is none, null if it is empty, too long, or not printable ASCII. */
export function readIdempotencyKey(headers: Headers): string | null | undefined {
  const header = headers.get("Idempotency-Key")
  if (header === null) return undefined
  const quoted = QUOTED.exec(header)?.[1]
  const key = quoted?.replace(/\\(.)/g, "$1") ?? (BARE.test(header) ? header : "")
  return key !== "" && key.length <= MAX_LENGTH ? key : null
}
