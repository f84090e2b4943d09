// `fetchlock ls`: lists the locks that are held, with their holders and waiters.
import { columns, durationText } from "./columns.js"
import { type Arguments, integerOf } from "./command-line.js"
import { connect } from "./connect.js"
import { say } from "./failure.js"
import { type LockDetails, withDetails } from "./lock-details.js"
import { printable } from "./printable.js"
import { printJson, printText } from "./output.js"

const DEFAULT_LIMIT = 1_000

export async function execute(args: Arguments): Promise<number> {
  const limit = integerOf(args, "limit", 1, 100_000) ?? DEFAULT_LIMIT
  const locks = connect(args)
  const snapshot = await locks.query({ limit })
  const details = await withDetails(locks, snapshot)
  const { isComplete } = snapshot
  if (args.options.has("json")) await printJson({ locks: details, isComplete })
  else {
    await printText(columns([TITLES, ...details.flatMap(rowsOf)]))
    if (!isComplete) say(`more than ${limit} locks, holders or waiters: --limit shows more`)
  }
  return 0
}

const TITLES = ["NAME", "MODE", "HOLDER", "LEFT", "WAITING", "REASON"]

/** One line for each holder. */
function rowsOf({ name, holders, waiters }: LockDetails): string[][] {
  const [first, ...others] = holders.map(({ clientId, mode, remainingMs, reason = "" }) => [
    mode,
    clientId === "" ? "(another program)" : printable(clientId),
    durationText(remainingMs),
    printable(reason),
  ])
  // It may have been released between the two requests.
  const [mode = "", holder = "", left = "", reason = ""] = first ?? []
  const rows = [[printable(name), mode, holder, left, String(waiters.length), reason]]
  for (const [mode = "", holder = "", left = "", reason = ""] of others) {
    rows.push(["", mode, holder, left, "", reason])
  }
  return rows
}
