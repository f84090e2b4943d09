// Makes the tokens: what proves that a hold is ours, and so what authorises its release.

/** What a `clientId` may be made of. */
export const CLIENT_ID = /^[A-Za-z0-9_-]{1,64}$/

/** What a token looks like. */
export const TOKEN = /^fl_[A-Za-z0-9_-]+$/

/**
 * `fl_<clientId>_<random>` with 144 random bits.
 *
 * URL-safe, never valid JSON (clients parse replies), and never ending in `+`, the mark of a queue.
 */
export function createToken(clientId: string): string {
  return `fl_${clientId}_${randomText(18)}`
}

/** A client's id for those who chose none. */
export function createClientId(): string {
  return randomText(9)
}

/**
 * The channel of one wait. It tells nothing of the lock, and is of no use without the REST token; with that one can
 * listen there, and publish: docs/security.md.
 */
export function createChannel(): string {
  return `fetchlock-${randomText(18)}`
}

/** The text without the tokens in it. */
export function withoutTokens(text: string): string {
  return text.replace(/fl_[\w-]+/g, "fl_…")
}

/** Random bytes, of which each is used once: to ask for many at a time costs hardly more than to ask for a few. */
let stock = new Uint8Array(0)

/** Random bytes as base64url; a multiple of three needs no padding. */
function randomText(bytes: number): string {
  if (stock.length < bytes) stock = crypto.getRandomValues(new Uint8Array(36 * bytes))
  const text = btoa(String.fromCharCode(...stock.subarray(0, bytes)))
  stock = stock.subarray(bytes)
  return text.replaceAll("+", "-").replaceAll("/", "_")
}
