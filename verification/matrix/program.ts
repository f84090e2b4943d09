// The suite as a program, for runtimes with a command: node, deno, bun. Prints the results as JSON.
import { LockManager } from "fetchlock"
import { conditions } from "./conditions.js"
import { crowd, runSuite } from "./suite.js"

const [, , url = "", token = "", condition = ""] = process.argv
if (condition in conditions) conditions[condition as keyof typeof conditions]()
const locks = new LockManager({ redis: { url, token } })
// The timers of a hold do not keep a process alive, and some checks wait only for those.
setInterval(() => undefined, 1_000)
const rejections: string[] = []
process.on("unhandledRejection", (reason) => rejections.push(String(reason)))
const results = await runSuite(locks)
const problem = await crowd(locks).then(
  () => null,
  (error: unknown) => String(error),
)
console.log(
  JSON.stringify({
    ...results,
    "400 wait at once": problem,
    "no rejection is unhandled": rejections.join() || null,
  }),
)
// Holds that checks have left would still be renewed for a while.
process.exit(0)
