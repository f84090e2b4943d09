// A fetch that does not hear when it is told to stop, as some clients are: an answer that comes after the deadline is heard.
import type { Fetch } from "../../../src/redis/transport.js"

/** A connection on which nothing ever comes would be kept for minutes. */
const LONGEST_MS = 3_000

export const deafFetch: Fetch = (url, init) =>
  url.includes("/subscribe/")
    ? fetch(url, init)
    : fetch(url, { ...init, signal: AbortSignal.timeout(LONGEST_MS) })
