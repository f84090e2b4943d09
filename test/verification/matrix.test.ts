// The package in each runtime among the development dependencies: Node, workerd, Vercel's edge-runtime.
import { readFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { nextRuntimes } from "../../verification/matrix/next.js"
import { installedRuntimes, RUNTIMES } from "../../verification/matrix/runtimes.js"
import { type Database, openDatabase } from "../support/variants.js"

let database: Database
beforeAll(async () => {
  database = await openDatabase("embedded engine")
})
afterAll(() => database.close())

describe("the suite passes", { timeout: 60_000 }, () => {
  test.each(RUNTIMES)("in $name", async ({ run }) => {
    const results = await run(database)
    expect(Object.keys(results).length).toBeGreaterThan(10)
    expect(Object.entries(results).filter(([, problem]) => problem !== null)).toEqual([])
  })
})

test("the table in docs/platforms.md has each runtime, and no failed check", () => {
  const [, table = ""] =
    /<!-- matrix -->\n([^]*?)<!-- \/matrix -->/.exec(readFileSync("docs/platforms.md", "utf8")) ??
    []
  const rows = [...table.matchAll(/^\| ([^|]+?) +\| [\d.]+ +\| (\d+) of (\d+) +\|$/gm)]
  const names = [...RUNTIMES, ...installedRuntimes(""), ...nextRuntimes("")].map(({ name }) => name)
  expect(rows.map(([, name]) => name)).toEqual(names)
  for (const [, name, passed, all] of rows) expect(passed, name).toBe(all)
})
