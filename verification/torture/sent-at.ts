// Adds to each request a header with the time of sending, from which its age is known at its execution. All use one machine's clock.
import type { Fetch } from "../../src/redis/transport.js"

const SENT_AT = "sent-at"

/** Read here, before the clock of a client is bent. */
const rightNow = Date.now

/** The same fetch with the header. */
export function dated(fetch: Fetch): Fetch {
  return (url, init) => {
    const headers = new Headers(init.headers)
    headers.set(SENT_AT, String(rightNow()))
    return fetch(url, { ...init, headers })
  }
}

/** In ms since 1970; NaN without the header. */
export function sentAtOf(headers: Readonly<Record<string, unknown>>): number {
  return Number(headers[SENT_AT])
}
