// What the types promise: this file is compiled and never run.
import { Redis } from "@upstash/redis"
import { Redis as RedisOnWorkers } from "@upstash/redis/cloudflare"
import { LockManager, type LockTransfer } from "../src/index.js"

declare const locks: LockManager

export async function scopes(): Promise<void> {
  await using held = await locks.acquire("a")
  await using maybe = await locks.tryAcquire("a")
  const result = await held.release()
  result satisfies "released" | "taken" | "gone"
  // @ts-expect-error somebody else may have it
  await maybe.release()
}

export async function fencingTokens(): Promise<void> {
  const fenced = await locks.acquire("a", { fencing: true })
  fenced.fencingToken satisfies number
  const plain = await locks.acquire("a")
  // @ts-expect-error it was not asked for
  plain.fencingToken satisfies number
  await locks.request("a", { fencing: true }, (lock) => lock.fencingToken satisfies number)
  const maybe = await locks.tryAcquire("a", { fencing: true })
  maybe?.fencingToken satisfies number | undefined
}

export async function callbacks(): Promise<void> {
  const value = await locks.request("a", async (lock) => (await Promise.resolve(lock.name)).length)
  value satisfies number
  await locks.request("a", { ifAvailable: true }, (lock) => {
    // @ts-expect-error it may be null
    lock.name satisfies string
  })
  // @ts-expect-error a callback is needed
  await locks.request("a", { ttl: "1s" })
}

export async function handOver(transfer: LockTransfer): Promise<void> {
  const lock = await locks.adopt(transfer, { renew: { maxHold: "1h" } })
  lock.transfer() satisfies LockTransfer
  JSON.stringify(lock.toJSON())
}

export function managers(redis: Redis, onWorkers: RedisOnWorkers, env: { A: string }): void {
  new LockManager({ redis })
  new LockManager({ redis: onWorkers })
  new LockManager({ redis: { url: "https://a.b", token: "t" }, ttl: "1.5h", signal: undefined })
  LockManager.fromEnv(env, { push: false })
  // @ts-expect-error a duration has a unit that is known
  new LockManager({ redis, ttl: "3 weeks" })
  // @ts-expect-error tryAcquire does not wait
  void locks.tryAcquire("a", { wait: 1 })
  // @ts-expect-error there is nothing to lock with
  new LockManager({})
}
