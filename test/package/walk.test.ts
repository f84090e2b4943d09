// The number of files that a reader opens to follow one call: the files of the built package whose code it executes.
import { afterAll, beforeAll, expect, test } from "vitest"
import { runChild } from "../support/child.js"
import { until } from "../support/outcomes.js"
import { type Database, openDatabase } from "../support/variants.js"

let database: Database

beforeAll(async () => {
  database = await openDatabase("embedded engine")
})
afterAll(() => database.close())

/** Executes the call with V8's coverage on; code that ran before it does not count. */
async function filesExecuted(call: string): Promise<readonly string[]> {
  const program = `
    import { Session } from "node:inspector/promises"
    const locks = new LockManager({ redis })
    const session = new Session()
    session.connect()
    await session.post("Profiler.enable")
    const begin = () => session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false })
    ${call}
    const { result } = await session.post("Profiler.takePreciseCoverage")
    for (const { url, functions } of result) {
      const isExecuted = functions.some((f) => f.functionName !== "" && f.ranges[0].count > 0)
      if (isExecuted && url.includes("/dist/")) print(url.split("/dist/")[1])
    }
    process.exit()
  `
  const { out, err } = await runChild(program, database)
  expect(err).toBe("")
  return out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as string)
}

test("an uncontended acquire executes 14 files", async () => {
  const files = await filesExecuted(`await begin(); await locks.acquire("walk:free")`)
  expect(files).toContain("lock-manager.js")
  expect(files).toContain("redis/fetch-client.js")
  expect(files.length, files.join("\n")).toBeLessThanOrEqual(14)
})

test("an acquire that is refused once and then waits in the queue executes 20 files", async () => {
  // In a process of its own: the code of a release is not part of the wait.
  const holder = runChild(
    `const locks = new LockManager({ redis })
    const lock = await locks.acquire("walk:held")
    while ((await locks.inspect("walk:held")).waiting === 0) await new Promise((go) => setTimeout(go, 20))
    await lock.release()`,
    database,
  )
  await until(async () => (await database.command("EXISTS", "lock:walk:held")) === 1)
  const files = await filesExecuted(`await begin(); await locks.acquire("walk:held")`)
  expect((await holder).err).toBe("")
  expect(files).toContain("acquire/queue-wait.js")
  expect(files.length, files.join("\n")).toBeLessThanOrEqual(20)
})
