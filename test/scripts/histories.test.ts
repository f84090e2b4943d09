// Random histories against the real scripts: in any order of requests no hold is lost, no waiter overtakes another, and no key
// stays.
import fc from "fast-check"
import { afterAll, beforeAll, describe, test } from "vitest"
import { casts, histories, History } from "./histories.js"
import { hasRedisServer } from "../support/redis-server.js"
import { type Database, openDatabase } from "../support/variants.js"

/** The same each time; to try other ones, and more: `HISTORIES=5000 npx vitest run test/scripts/histories.test.ts`. */
const more = process.env["HISTORIES"]
const plan = more === undefined ? { numRuns: 25, seed: 7 } : { numRuns: Number(more) }

for (const engine of ["embedded engine", "real Redis"] as const) {
  const run = engine === "embedded engine" || hasRedisServer() ? describe : describe.skip
  run(engine, () => {
    let database: Database | undefined
    beforeAll(async () => {
      database = await openDatabase(engine)
    })
    afterAll(() => database?.close())

    test(
      "the invariants hold after each step of a random history",
      { timeout: 600_000 },
      async () => {
        let names = 0
        const property = fc.asyncProperty(casts, histories, async (cast, steps) => {
          if (!database) throw new Error("the database is not open")
          const history = new History(database.command, `history-${String(names++)}`, cast)
          for (const step of steps) await history.step(step)
        })
        await fc.assert(property, plan)
      },
    )
  })
}
