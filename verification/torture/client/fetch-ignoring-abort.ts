// A fetch that ignores its abort signal, as some clients do: it still receives a reply after the deadline.
import type { Fetch } from "../../../src/redis/transport.js"

/** Without a limit, a connection without a reply would stay open for minutes. */
const LONGEST_MS = 3_000

export const fetchIgnoringAbort: Fetch = (url, init) =>
  url.includes("/subscribe/")
    ? fetch(url, init)
    : fetch(url, { ...init, signal: AbortSignal.timeout(LONGEST_MS) })
