// The cost of a call of `once` on a real Redis: requests, and commands as Upstash bills them.
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import type { LockManager } from "../../src/index.js"
import { once } from "../../src/once/index.js"
import { billedCommands } from "../support/billed-commands.js"
import { describeOnRedis, onRedis, type Opened } from "../support/variants.js"
import { gathering } from "./gathering.js"

describeOnRedis("on a real Redis", () => {
  let database: Opened
  beforeAll(async () => {
    database = await onRedis.open()
  })
  afterAll(() => database.close())

  async function costOf(run: (locks: LockManager) => Promise<unknown>) {
    const { proxy, locks } = await database.proxied()
    await database.command("CONFIG", "RESETSTAT")
    await run(locks())
    const stats = String(await database.command("INFO", "commandstats"))
    return { requests: proxy.log.length, billed: billedCommands(stats) }
  }

  test("a lone call costs 2 requests and 10 billed commands; a remembered one 1 and 3", async () => {
    const run = (locks: LockManager) => once(locks, "a", { remember: "1m" }, () => "value")
    expect(await costOf(run)).toEqual({ requests: 2, billed: 10 })
    expect(await costOf(run)).toEqual({ requests: 1, billed: 3 })
  })

  test("50 callers cost 149 requests: the leader 2, each caller that joins 3", async () => {
    const { proxy, locks } = await database.proxied()
    const { onEvent, gathered } = gathering(49)
    const settled = { atMs: 0 }
    const run = async () => {
      await gathered
      // All streams are open and confirmed by now, or soon.
      await sleep(1_000)
      settled.atMs = performance.now()
      return "value"
    }
    const calls = Array.from({ length: 50 }, () => once(locks({ onEvent }), "b", run))
    expect(await Promise.all(calls)).toEqual(Array(50).fill("value"))
    expect(proxy.log).toHaveLength(2 + 49 * 3)
  })

  test("a caller has its value before its stream is closed, and the stream is closed then", async () => {
    const { onEvent, gathered } = gathering(1)
    const log: string[] = []
    const fetch: typeof globalThis.fetch = (input, init) => {
      if (typeof input === "string" && input.includes("/subscribe/")) {
        init?.signal?.addEventListener("abort", () => log.push("closed"))
      }
      return globalThis.fetch(input, init)
    }
    const leading = once(database.locks(), "c", () => gathered.then(() => sleep(300)))
    await vi.waitFor(async () => {
      expect(await database.command("EXISTS", "{lock:c}:run")).toBe(1)
    })
    await once(database.locks({ fetch, onEvent }), "c", () => "another")
    log.push("value")
    await leading
    await vi.waitFor(() => {
      expect(log).toEqual(["value", "closed"])
    })
  })
})
