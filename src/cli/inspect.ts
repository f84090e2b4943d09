// `fetchlock inspect`: shows one lock with its holders and waiters.
import { columns, durationText } from "./columns.js"
import type { Arguments } from "./command-line.js"
import { connect } from "./connect.js"
import { detailsOf, type LockDetails } from "./lock-details.js"
import { inQuotes, printable } from "./printable.js"
import { printJson, printText } from "./output.js"

export async function execute(args: Arguments): Promise<number> {
  const details = await detailsOf(connect(args), args.positionals[0] ?? "")
  if (args.options.has("json")) await printJson(details)
  else await printText(textOf(details))
  return 0
}

function textOf({ name, holders, waiters, fencingToken }: LockDetails): string {
  const state = holders.length === 0 ? "free" : "held"
  const lines = [`${inQuotes(name)} is ${state}, and ${countOf(waiters.length)}\n`]
  if (fencingToken !== null) lines.push(`The last fencing token is ${fencingToken}.\n`)
  if (holders.length > 0) {
    const rows = holders.map(({ clientId, mode, remainingMs, reason = "" }) => [
      clientId === "" ? "(another program)" : printable(clientId),
      mode,
      durationText(remainingMs),
      printable(reason),
    ])
    lines.push("\n", columns([["HOLDER", "MODE", "LEFT", "REASON"], ...rows]))
  }
  if (waiters.length > 0) {
    const rows = waiters.map(({ clientId, mode, place, waitedMs, reason = "" }) => [
      String(place + 1),
      printable(clientId),
      mode,
      durationText(waitedMs),
      printable(reason),
    ])
    lines.push("\n", columns([["PLACE", "WAITER", "MODE", "WAITED", "REASON"], ...rows]))
  }
  return lines.join("")
}

function countOf(waiters: number): string {
  return waiters === 1 ? "1 caller waits" : `${waiters === 0 ? "no" : waiters} callers wait`
}
