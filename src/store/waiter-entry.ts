// A waiter as it stands in the queue: one line of text, constant for one wait, read by shared/serve.lua.
import type { Waiter } from "./store.js"

/**
 * Token, channel (`-`: none), lease in milliseconds, whether a fencing token is wanted, how many may hold the lock
 * together (`x`: one alone, `0`: any number).
 */
export function waiterEntry({
  token,
  channel = "-",
  leaseMs,
  fencing,
  limit,
}: Pick<Waiter, "token" | "channel" | "leaseMs" | "fencing" | "limit">): string {
  const mode = limit === undefined ? "x" : limit === Infinity ? 0 : limit
  return `${token} ${channel} ${leaseMs} ${fencing ? 1 : 0} ${mode}`
}
