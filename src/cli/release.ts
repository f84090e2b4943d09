// `fetchlock release --force`: ends the hold of another process.
import type { Arguments } from "./command-line.js"
import { connect } from "./connect.js"
import { endHolds, look } from "./end-holds.js"
import { EXIT, say, UsageError } from "./failure.js"
import { inQuotes, printable } from "./printable.js"
import { printJson, printText } from "./output.js"

/** It looks again if the lock changed hands in between; each time, some other caller has made progress. */
const MOST_LOOKS = 20

export async function execute(args: Arguments): Promise<number> {
  const name = args.positionals[0] ?? ""
  if (!args.options.has("force")) {
    throw new UsageError(
      "release: --force is missing; it ends the hold of a process that may still be at work",
    )
  }
  const locks = connect(args)
  let lock = await look(locks, name)
  for (let looks = 1; lock.holders.length > 0 && !(await endHolds(locks, lock)); looks++) {
    if (looks === MOST_LOOKS) {
      say(`${inQuotes(name)} changes hands all the time; nothing was ended`)
      return EXIT.conflict
    }
    lock = await look(locks, name)
  }
  const { holders } = lock
  if (args.options.has("json")) await printJson({ name, ended: holders })
  else if (holders.length === 0) await printText(`${inQuotes(name)} is not held\n`)
  else {
    const who = holders.map(({ clientId }) => printable(clientId) || "another program").join(", ")
    await printText(`${inQuotes(name)}: ended the hold of ${who}\n`)
  }
  return 0
}
