// The cost of an operation on a real Redis: HTTP requests, and commands as Upstash bills them.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { LockManager } from "../../src/index.js"
import { billedCommands } from "../support/billed-commands.js"
import { rejection } from "../support/outcomes.js"
import { describeOnRedis, onRedis, type Opened } from "../support/variants.js"

interface Cost {
  readonly requests: number
  /** A script is one command, and so is each call inside it. */
  readonly billed: number
}

describeOnRedis("on a real Redis", () => {
  let database: Opened
  beforeAll(async () => {
    database = await onRedis.open()
  })
  afterAll(() => database.close())

  async function costOf(run: (locks: LockManager) => Promise<unknown>): Promise<Cost> {
    const { proxy, locks } = await database.proxied()
    await database.command("CONFIG", "RESETSTAT")
    await run(locks())
    const stats = String(await database.command("INFO", "commandstats"))
    return { requests: proxy.log.length, billed: billedCommands(stats) }
  }

  test("an uncontended acquire and release cost 2 requests and 5 billed commands", async () => {
    const acquireAndRelease = async (locks: LockManager) => (await locks.acquire("a")).release()
    expect(await costOf(acquireAndRelease)).toEqual({ requests: 2, billed: 5 })
    const request = (locks: LockManager) => locks.request("b", () => "done")
    expect(await costOf(request)).toEqual({ requests: 2, billed: 5 })
    const tryAcquire = async (locks: LockManager) => (await locks.tryAcquire("c"))?.release()
    expect(await costOf(tryAcquire)).toEqual({ requests: 2, billed: 5 })
  })

  test("a fencing token costs no additional request", async () => {
    const fenced = async (locks: LockManager) => {
      await (await locks.acquire("d", { fencing: true })).release()
    }
    expect((await costOf(fenced)).requests).toBe(2)
  })

  test("a renewal, an extension, a transfer and an adoption cost the documented number of requests and commands", async () => {
    const extend = async (locks: LockManager) => (await locks.acquire("e")).extend()
    expect(await costOf(extend)).toEqual({ requests: 2, billed: 2 + 3 })
    const adopt = async (locks: LockManager) => locks.adopt((await locks.acquire("f")).transfer())
    expect(await costOf(adopt)).toEqual({ requests: 2, billed: 2 + 3 })
  })

  test("a refusal costs one request and 3 billed commands", async () => {
    await database.locks().acquire("g")
    expect(await costOf((locks) => locks.tryAcquire("g"))).toEqual({ requests: 1, billed: 3 })
  })

  test("a call on a lock that is over costs nothing", async () => {
    const lock = await database.locks().acquire("h")
    await lock.release()
    const nothing = async () => {
      await lock.release()
      await lock[Symbol.asyncDispose]()
      await rejection(lock.extend())
    }
    expect(await costOf(nothing)).toEqual({ requests: 0, billed: 0 })
  })
})
