// `fetchlock release --force`: ends the hold of another process.
import type { Arguments } from "./command-line.js"
import { connect } from "./connect.js"
import { UsageError } from "./failure.js"
import { detailsOf } from "./lock-details.js"
import { inQuotes, printable } from "./printable.js"
import { printJson, printText } from "./output.js"

export async function execute(args: Arguments): Promise<number> {
  const name = args.positionals[0] ?? ""
  if (!args.options.has("force")) {
    throw new UsageError(
      "release: --force is missing; it ends the hold of a process that may still be at work",
    )
  }
  const locks = connect(args)
  const { holders } = await detailsOf(locks, name)
  // A waiter of a free lock would be granted it as well, but nothing was held.
  if (holders.length > 0) await locks.forceRelease(name)
  if (args.options.has("json")) await printJson({ name, ended: holders })
  else if (holders.length === 0) await printText(`${inQuotes(name)} is not held\n`)
  else {
    const who = holders.map(({ clientId }) => printable(clientId) || "another program").join(", ")
    await printText(`${inQuotes(name)}: ended the hold of ${who}\n`)
  }
  return 0
}
