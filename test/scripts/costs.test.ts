// Compares the table of costs in docs/scripts.md with the counts of a database.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { earsOn } from "./bench.js"
import { documentedCosts, measuredCosts } from "./measuring.js"
import { hasRedisServer } from "../support/redis-server.js"
import { type Database, openDatabase } from "../support/variants.js"

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
      const { hear, close } = earsOn(database)
      expect(await measuredCosts(database.command, hear)).toEqual(await documentedCosts())
      close()
    })
  })
}
