// Guarded routes inside workerd, under load: every request is served or refused as configured, one at a time.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { findOverlaps, type Hold } from "../../demo/overlaps.js"
import { LockManager } from "../../src/index.js"
import { until } from "../support/outcomes.js"
import { hasRedisServer } from "../support/redis-server.js"
import { type Database, openDatabase } from "../support/variants.js"
import { Isolate } from "./isolate.js"

const REQUESTS = 100

for (const engine of ["embedded engine", "real Redis"] as const) {
  const run = engine === "embedded engine" || hasRedisServer() ? describe : describe.skip
  run(`over ${engine}`, { timeout: 60_000 }, () => {
    let database: Database
    let isolate: Isolate

    beforeAll(async () => {
      database = await openDatabase(engine)
      isolate = await Isolate.start({
        worker: new URL("./guarded.ts", import.meta.url),
        env: { UPSTASH_REDIS_REST_URL: database.url, UPSTASH_REDIS_REST_TOKEN: database.token },
      })
    })
    afterAll(async () => {
      await isolate.stop()
      await database.close()
    })

    const askAll = (path: string) =>
      Promise.all(
        Array.from({ length: REQUESTS }, () =>
          isolate.fetch(path, { method: "POST", signal: AbortSignal.timeout(50_000) }),
        ),
      )
    const holdsOf = async (served: readonly Response[]) =>
      (await Promise.all(served.map((response) => response.json()))) as Hold[]
    const count = (name: string) => database.command("GET", `count:${name}`)
    const isFree = async (name: string) => {
      const locks = new LockManager({ redis: database })
      const { isHeld, waiting } = await locks.inspect(name)
      return !isHeld && waiting === 0
    }

    test("a hundred requests that wait are all served, one at a time", async () => {
      const responses = await askAll("/patient/waited")
      expect(responses.map(({ status }) => status)).toEqual(Array(REQUESTS).fill(200))
      const holds = await holdsOf(responses)
      expect(findOverlaps(holds)).toEqual([])
      expect(await count("waited")).toBe(String(REQUESTS))
      await until(() => isFree("waited"))
    })

    test("a hundred requests that do not wait are each served or refused, one at a time", async () => {
      const responses = await askAll("/impatient/refused")
      const served = responses.filter(({ status }) => status === 200)
      const refused = responses.filter(({ status }) => status === 423)
      expect(served.length + refused.length).toBe(REQUESTS)
      expect(served.length).toBeGreaterThan(0)
      expect(refused.length).toBeGreaterThan(0)
      for (const { headers } of refused) expect(headers.get("Retry-After")).toMatch(/^[1-5]$/)
      expect(findOverlaps(await holdsOf(served))).toEqual([])
      expect(await count("refused")).toBe(String(served.length))
      await until(() => isFree("refused"))
    })

    test("a body that was read releases the lock, and so does one that a HEAD omits", async () => {
      const read = await isolate.fetch("/streamed/read")
      expect(await read.text()).toBe("0123456789")
      await until(() => isFree("read"))
      const head = await isolate.fetch("/streamed/head", { method: "HEAD" })
      expect(head.status).toBe(200)
      await until(() => isFree("head"))
    })

    test("the log is empty: no uncaught exception, no unhandled rejection, no hang, no warning", () => {
      expect(isolate.log).toEqual([])
    })
  })
}
