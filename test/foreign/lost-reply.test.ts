// What docs/comparison.md says that others do after a lost reply, on the same server and with the same fault; and what fetchlock does.
import { Lock } from "@upstash/lock"
import { Redis } from "@upstash/redis"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { FaultProxy, inOrder } from "../support/fault-proxy.js"
import { type Database, openDatabase } from "../support/variants.js"

let database: Database
beforeAll(async () => {
  database = await openDatabase("embedded engine")
})
afterAll(() => database.close())

/** A database of which the first reply to that operation is lost. */
async function losing(operation: string): Promise<{ url: string; token: string }> {
  const proxy = await FaultProxy.open(database.url)
  proxy.plan = inOrder(operation, { kind: "reply-lost" })
  onTestFinished(() => proxy.close())
  return { url: proxy.url, token: database.token }
}

test("a SET NX whose reply was lost answers the repeated one with null, although the key holds its token", async () => {
  const redis = new Redis(await losing("SET"))
  expect(await redis.set("by-hand", "mine", { nx: true, px: 30_000 })).toBeNull()
  expect(await redis.get("by-hand")).toBe("mine")
})

test("@upstash/lock is locked out by its own lock after a lost reply", async () => {
  const redis = new Redis(await losing("SET")) as never
  const lock = new Lock({ id: "lost", redis, lease: 5_000 })
  expect(await lock.acquire()).toBe(false)
  expect(await database.command("EXISTS", "lost")).toBe(1)
})

test("@upstash/lock cannot release its lock after a second acquire on the same object", async () => {
  const redis = new Redis({ url: database.url, token: database.token }) as never
  const lock = new Lock({ id: "twice", redis, lease: 5_000, retry: { attempts: 1, delay: 1 } })
  expect(await lock.acquire()).toBe(true)
  expect(await lock.acquire()).toBe(false)
  expect(await lock.release()).toBe(false)
  expect(await database.command("EXISTS", "twice")).toBe(1)
})

test("fetchlock holds the lock after a lost reply, and its release frees it", async () => {
  for (const operation of ["claim", "acquire"]) {
    const locks = new LockManager({ redis: await losing(operation) })
    const lock = await (operation === "claim" ? locks.tryAcquire("ours") : locks.acquire("ours"))
    expect(lock).not.toBeNull()
    expect(await lock?.release()).toBe("released")
    expect(await database.command("EXISTS", "lock:ours")).toBe(0)
  }
})
