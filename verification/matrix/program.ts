// The suite as a program, for runtimes that have a command: node, deno, bun. Prints the results as JSON.
import { LockManager } from "fetchlock"
import { conditions } from "./conditions.js"
import { runSuite } from "./suite.js"

const [, , url = "", token = "", condition = ""] = process.argv
if (condition in conditions) conditions[condition as keyof typeof conditions]()
const locks = new LockManager({ redis: { url, token } })
// A hold's own timers keep no process alive, and there are checks that wait for nothing else.
setInterval(() => undefined, 1_000)
const rejections: string[] = []
process.on("unhandledRejection", (reason) => rejections.push(String(reason)))
const results = await runSuite(locks)
console.log(JSON.stringify({ ...results, "no rejection is unhandled": rejections.join() || null }))
// What the checks have left held would be renewed for a while.
process.exit(0)
