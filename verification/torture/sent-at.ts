// When a request was sent, told by its sender in a header: who executes it learns how old it is. All clocks are this machine's.
import type { Fetch } from "../../src/redis/transport.js"

const SENT_AT = "sent-at"

/** The same fetch, which tells when. */
export function dated(fetch: Fetch): Fetch {
  return (url, init) => {
    const headers = new Headers(init.headers)
    headers.set(SENT_AT, String(Date.now()))
    return fetch(url, { ...init, headers })
  }
}

/** In ms since 1970; NaN where it was not told. */
export function sentAtOf(headers: Readonly<Record<string, unknown>>): number {
  return Number(headers[SENT_AT])
}
