// A waiter as it stands in the queue: one line of text, constant for one wait, read by shared/serve.lua.
import type { Waiter } from "./store.js"

/** Token, channel (`-`: none), lease in milliseconds, whether a fencing token is wanted. */
export function waiterEntry({
  token,
  channel = "-",
  leaseMs,
  fencing,
}: Pick<Waiter, "token" | "channel" | "leaseMs" | "fencing">): string {
  return `${token} ${channel} ${leaseMs} ${fencing ? 1 : 0}`
}
