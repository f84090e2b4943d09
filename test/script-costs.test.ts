// The table of costs in docs/scripts.md is what a database counts.
import { readFile } from "node:fs/promises"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { paths, type Scene } from "./scripts/costs.js"
import { hasRedisServer } from "./support/redis-server.js"
import { type Database, openDatabase } from "./support/variants.js"
import { LockByHand, type SendCommand, waiterByHand } from "./support/waiter-by-hand.js"

/** How a script is called, and how it is measured. */
const NOT_INSIDE = new Set(["eval", "evalsha", "script", "info", "config", "command", "client"])

for (const engine of ["embedded engine", "real Redis"] as const) {
  const run = engine === "embedded engine" || hasRedisServer() ? describe : describe.skip
  run(engine, () => {
    let database: Database | undefined
    beforeAll(async () => {
      database = await openDatabase(engine)
    })
    afterAll(() => database?.close())

    test("each path of each script costs what the table in docs/scripts.md says", async () => {
      if (!database) throw new Error("the database is not open")
      const { command } = database
      const measured: Record<string, number> = {}
      for (const [i, { script, when, before, call, fencing = false, limit }] of paths.entries()) {
        const scene: Scene = {
          lock: new LockByHand(command, `cost-${String(i)}`),
          holder: waiterByHand({ ...(limit && { limit }) }),
          caller: waiterByHand({ fencing, ...(limit && { limit }) }),
        }
        await before?.(scene)
        await command("CONFIG", "RESETSTAT")
        await call(scene)
        measured[`${script}, ${when}`] = 1 + (await callsInside(command))
      }
      expect(measured).toEqual(await documented())
    })
  })
}

async function callsInside(command: SendCommand): Promise<number> {
  const stats = String(await command("INFO", "commandstats"))
  const lines = [...stats.matchAll(/cmdstat_([^:|]+)[^:]*:calls=(\d+)/g)]
  return lines
    .filter(([, name = ""]) => !NOT_INSIDE.has(name))
    .reduce((sum, [, , calls]) => sum + Number(calls), 0)
}

/** The rows `| script | when | reply | billed |`. */
async function documented(): Promise<Record<string, number>> {
  const text = await readFile(new URL("../docs/scripts.md", import.meta.url), "utf8")
  const rows = text.matchAll(/^\| `([^`]+)` +\| ([^|]+?) +\| [^|]+\| +(\d+) +\|$/gm)
  return Object.fromEntries(
    [...rows].map(([, script = "", when = "", billed]) => [`${script}, ${when}`, Number(billed)]),
  )
}
