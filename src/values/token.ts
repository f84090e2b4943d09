// Creates tokens, which prove that a hold is ours and so authorize its release, and other random values.

/** The characters and the length that a `clientId` may have. */
export const CLIENT_ID = /^[A-Za-z0-9_-]{1,64}$/

/** A shorter REST token is not a secret (a development server's), and may be part of any word. */
export const SHORTEST_SECRET = 6

/** The format of a lock's token. */
export const TOKEN = /^fl_[A-Za-z0-9_-]+(\.w)?$/

/**
 * The end of the token of a hold with `watch`. The script that steals the lock sees it there, and publishes only if it is
 * needed.
 */
export const WATCHING = ".w"

/**
 * `fl_<clientId>_<random>` with 144 random bits.
 *
 * URL-safe, never valid JSON (clients parse replies), and never ending in `+`, the waiters flag.
 */
export function createToken(clientId: string, isWatching = false): string {
  const random = randomText(18)
  // 132 bits are left: scripts find the client's id by the length of what follows it.
  return `fl_${clientId}_${isWatching ? random.slice(0, -WATCHING.length) + WATCHING : random}`
}

/** The default client id. */
export function createClientId(): string {
  return randomText(9)
}

/**
 * The channel of one wait. It reveals nothing about the lock and is useless without the REST token, with which anyone can
 * subscribe and publish to it: docs/security.md.
 */
export function createChannel(): string {
  return `fetchlock-${randomText(18)}`
}

/** A text unique to one request. It begins with a letter, so that clients that parse replies leave it as it is. */
export function createNonce(): string {
  return `n${randomText(9)}`
}

/** The text without the tokens in it. */
export function withoutTokens(text: string): string {
  return text.replace(/fl_[\w-]+(\.w)?/g, "fl_…")
}

/**
 * Random bytes as base64url; a multiple of three needs no padding.
 *
 * Generated on demand, never in advance: processes that are started from one snapshot would use the same bytes.
 */
function randomText(bytes: number): string {
  const text = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes))))
  return text.replaceAll("+", "-").replaceAll("/", "_")
}
