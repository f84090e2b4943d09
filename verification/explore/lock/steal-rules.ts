// What a steal may take, and what those that lose the lock can find out.
import { createHash } from "node:crypto"
import { must } from "../world.js"
import { channelOf } from "./channels.js"
import type { Execution } from "./lock-view.js"
import { tokenOf } from "./server.js"
import type { Terms } from "./state.js"

export function checkSteal(execution: Execution, all: readonly Terms[]): void {
  const { reply } = execution
  if (reply.kind === "granted") checkTaken(execution, all)
  else if (reply.kind === "held") checkFound(execution, reply.found)
}

/** A steal takes exactly the hold that it found, and all of it. */
function checkTaken(
  { request, token, was, is, published }: Execution,
  all: readonly Terms[],
): void {
  for (const holder of was.holders.keys()) {
    if (holder === token) continue
    const isFound = was.limit !== undefined || request.found === digestOf(holder)
    must(isFound, `the lock was stolen from ${holder}, which the steal did not find`)
    must(is.stolen.includes(holder), `${holder} was stolen from, and that is not recorded`)
    const owner = all.find((terms) => tokenOf(terms) === holder)
    const channel = owner?.watches ? channelOf(owner) : undefined
    const isNotified = published.some(([to, text]) => to === channel && text === "stolen")
    must(channel === undefined || isNotified, `${holder} watches, and is not notified`)
  }
  must(was.limit === undefined || !is.hasList, "holds that were stolen from are still listed")
  must(is.queue.length === 0 || is.isFlagged, "the stolen lock has waiters, and is not flagged")
}

/** A steal has to look again only if another holder has come. */
function checkFound({ request, token, was }: Execution, found: string): void {
  if (was.limit !== undefined) return
  const [holder = ""] = was.holders.keys()
  must(found !== request.found, `${token} is told to steal from ${holder} again`)
  must(
    request.found !== digestOf(holder),
    `${token} has found the hold of ${holder}, and may not steal it`,
  )
}

/** As steal.lua identifies a hold. */
function digestOf(holder: string): string {
  return createHash("sha1").update(holder).digest("hex")
}
