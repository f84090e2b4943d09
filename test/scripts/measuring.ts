// The cost of each path of each script: as a database counts it, and as docs/scripts.md says.
import { readFile } from "node:fs/promises"
import { billedCommands } from "../support/billed-commands.js"
import {
  type HandOptions,
  LockByHand,
  type SendCommand,
  waiterByHand,
} from "../support/waiter-by-hand.js"
import { paths, type Scene } from "./costs.js"

/** The number of commands that the database bills for each path; nothing else may use it meanwhile. */
export async function measuredCosts(
  command: SendCommand,
  hear: Scene["hear"],
  options?: HandOptions,
): Promise<Record<string, number>> {
  const measured: Record<string, number> = {}
  for (const [i, { script, when, before, call, fencing = false, limit }] of paths.entries()) {
    const scene: Scene = {
      lock: new LockByHand(command, `cost-${String(i)}`, options),
      holder: waiterByHand({ ...(limit && { limit }) }),
      caller: waiterByHand({ fencing, ...(limit && { limit }) }),
      hear,
    }
    await hear(scene.caller.channel)
    await before?.(scene)
    await command("CONFIG", "RESETSTAT")
    await call(scene)
    const stats = String(await command("INFO", "commandstats"))
    measured[`${script}, ${when}`] = billedCommands(stats)
  }
  return measured
}

/** The rows `| script | when | reply | billed |`. */
export async function documentedCosts(): Promise<Record<string, number>> {
  const text = await readFile("docs/scripts.md", "utf8")
  const rows = text.matchAll(/^\| `([^`]+)` +\| ([^|]+?) +\| [^|]+\| +(\d+) +\|$/gm)
  return Object.fromEntries(
    [...rows].map(([, script = "", when = "", billed]) => [`${script}, ${when}`, Number(billed)]),
  )
}
