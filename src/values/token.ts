// Makes the tokens: what proves that a hold is ours, and so what authorises its release.

/** What a `clientId` may be made of. */
export const CLIENT_ID = /^[A-Za-z0-9_-]{1,64}$/

/** A REST token of fewer characters is not a secret (a development server's), and may be part of any word. */
export const SHORTEST_SECRET = 6

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

/** A text that no other request has. It begins with a letter, so that clients which parse replies leave it as it is. */
export function createNonce(): string {
  return `n${randomText(9)}`
}

/** The text without the tokens in it. */
export function withoutTokens(text: string): string {
  return text.replace(/fl_[\w-]+/g, "fl_…")
}

/**
 * Random bytes as base64url; a multiple of three needs no padding.
 *
 * Asked for each time and none kept: copies of a process that are started from one snapshot would use the same ones.
 */
function randomText(bytes: number): string {
  const text = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes))))
  return text.replaceAll("+", "-").replaceAll("/", "_")
}
