// The scripts for callers that share a lock, steal it, or inspect it.
import { createHash } from "node:crypto"
import { expect, vi } from "vitest"
import { type LockByHand, type WaiterByHand, waiterByHand } from "../support/waiter-by-hand.js"
import type { BenchTest } from "./bench.js"

/** Lets as many callers share the lock as there are ttls. */
async function sharedBy(lock: LockByHand, limit: number, ...ttls: readonly number[]) {
  const sharers: WaiterByHand[] = []
  for (const ttlMs of ttls) {
    const sharer = waiterByHand({ limit })
    expect(await lock.try(sharer, ttlMs)).toMatchObject({ kind: "granted", left: ttlMs })
    sharers.push(sharer)
  }
  return sharers as [WaiterByHand, WaiterByHand]
}

const sha1 = (text: string) => createHash("sha1").update(text).digest("hex")

export function sharing(bench: BenchTest): void {
  bench("an expired share is gone, for any caller", async ({ lock, command }) => {
    const [over, other] = await sharedBy(lock, Infinity, 20_000, 20_000)
    await command("ZADD", lock.key("holders"), "1", over.token)
    expect(await lock.readHold(over.token)).toEqual(["gone", expect.any(Number)])
    expect(await lock.readHold(other.token)).toEqual(["held", expect.any(Number)])
    expect(await lock.extend(over.token, 30_000)).toBe("gone")
    expect(await lock.release(over.token)).toEqual(["gone"])
    expect(await lock.release(other.token)).toEqual(["released"])
    expect(await lock.remains()).toEqual({})
  })

  bench("a release is not disturbed by a share that ends in the same millisecond", async (b) => {
    const { lock, sent, hear } = b
    const [over, last] = await sharedBy(lock, Infinity, 20_000, 20_000)
    const writer = waiterByHand()
    const heard = await hear(writer.channel)
    await lock.enqueue(writer)
    const endsNow = `
local time = redis.call("TIME")
local now = string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000))
redis.call("ZADD", KEYS[5], now, "${over.token}")
`
    expect(await sent({ prelude: endsNow }).release(last.token)).toEqual(["released"])
    expect(await lock.value()).toBe(writer.token)
    await vi.waitFor(() => {
      expect(heard).toEqual([expect.stringMatching(/^granted /)])
    })
  })

  bench("an extension of one share shortens neither it nor the others", async (b) => {
    const { lock, command } = b
    const [long, short] = await sharedBy(lock, Infinity, 30_000, 10_000)
    expect(await lock.extend(short.token, 20_000)).toBe("renewed")
    expect(await command("PTTL", lock.key("lock"))).toBeGreaterThan(25_000)
    expect(await lock.extend(long.token, 5_000)).toBe("renewed")
    const [, left] = (await lock.readHold(long.token)) as [string, number]
    expect(left).toBeGreaterThan(25_000)
  })

  bench("a waiter for a permit learns when the first permit ends", async ({ lock }) => {
    await sharedBy(lock, 2, 30_000, 10_000)
    const { kind, left } = await lock.try(waiterByHand({ limit: 2 }))
    expect(kind).toBe("busy")
    expect(left).toBeLessThanOrEqual(10_000)
    expect((await lock.enqueue(waiterByHand())).left).toBeGreaterThan(20_000)
  })

  bench(
    "a caller with another number of permits learns the number of the holders",
    async ({ lock }) => {
      await sharedBy(lock, 3, 20_000)
      const other = waiterByHand({ limit: 2 })
      expect(await lock.try(other)).toMatchObject({ kind: "limit", left: 3 })
      expect(await lock.enqueue(other)).toMatchObject({ kind: "limit", left: 3 })
      expect(await lock.waiters()).toEqual([])
    },
  )

  bench("a lock whose key was lost is shared only by later callers", async (b) => {
    const { lock, command } = b
    const [before] = await sharedBy(lock, 2, 20_000, 20_000)
    await command("DEL", lock.key("lock"))
    const [after] = await sharedBy(lock, 2, 20_000, 20_000)
    expect(await lock.readHold(before.token)).toEqual(["gone", expect.any(Number)])
    expect(await lock.readHold(after.token)).toEqual(["held", expect.any(Number)])
  })

  bench("a sharer releases its part, and keeps the key alive no longer", async (b) => {
    const { lock, command } = b
    const [long, short] = await sharedBy(lock, 2, 30_000, 10_000)
    expect(await lock.release(long.token)).toEqual(["released"])
    expect(await lock.readHold(long.token)).toEqual(["gone", expect.any(Number)])
    expect(await command("PTTL", lock.key("lock"))).toBeLessThanOrEqual(10_000)
    const waiter = waiterByHand({ limit: 2 })
    await sharedBy(lock, 2, 10_000)
    await lock.enqueue(waiter)
    await lock.release(short.token)
    expect(await lock.readHold(waiter.token)).toEqual(["held", expect.any(Number)])
  })

  bench("readers do not overtake a writer that waits", async ({ lock }) => {
    await sharedBy(lock, Infinity, 20_000)
    await lock.enqueue(waiterByHand())
    expect(await lock.try(waiterByHand({ limit: Infinity }))).toMatchObject({ kind: "busy" })
  })

  bench("a steal continues although a waiter has come meanwhile", async ({ lock }) => {
    const [previous, newHolder, waiter] = [waiterByHand(), waiterByHand(), waiterByHand()]
    await lock.take(previous.token)
    const [, , found] = (await lock.steal(newHolder.token)) as [string, number, string]
    expect(found).not.toContain(previous.token)
    await lock.enqueue(waiter)
    expect(await lock.steal(newHolder.token, found)).toEqual(["granted", 30_000, ""])
    expect(await lock.value()).toBe(`${newHolder.token}+`)
    expect(await lock.extend(previous.token, 30_000)).toBe("stolen")
    await lock.release(newHolder.token)
    expect(await lock.value()).toBe(waiter.token)
  })

  bench("a steal that arrives late takes the lock from no one else", async ({ lock }) => {
    const [previous, newHolder, next] = [waiterByHand(), waiterByHand(), waiterByHand()]
    await lock.take(previous.token)
    const [, , found] = (await lock.steal(newHolder.token)) as [string, number, string]
    await lock.steal(newHolder.token, found)
    await lock.release(newHolder.token)
    await lock.take(next.token)
    expect(await lock.steal(newHolder.token, found)).toEqual(["held", 0, expect.any(String)])
    expect(await lock.value()).toBe(next.token)
  })

  bench("a steal ends the holds of all sharers", async ({ lock }) => {
    const sharers = await sharedBy(lock, Infinity, 20_000, 20_000)
    const newHolder = waiterByHand()
    const [, , found] = (await lock.steal(newHolder.token)) as [string, number, string]
    await lock.steal(newHolder.token, found)
    for (const { token } of sharers) expect(await lock.extend(token, 30_000)).toBe("stolen")
    expect(Object.keys(await lock.remains())).toEqual([lock.key("lock"), lock.key("stolen")])
  })

  bench("a list of holders and waiters contains clients and no tokens", async ({ lock }) => {
    const [holder, waiter] = [waiterByHand(), waiterByHand({ limit: 2 })]
    await lock.take(holder.token)
    await lock.enqueue(waiter)
    expect(await lock.snapshot()).toEqual([
      ["by-hand", expect.any(Number), "exclusive"],
      ["by-hand", expect.any(String), "shared"],
    ])
  })

  bench(
    "a hold has an id that reveals no token, and keeps it when the first waiter comes",
    async ({ lock }) => {
      expect(await lock.holdIds()).toEqual([])
      const holder = waiterByHand()
      await lock.take(holder.token)
      expect(await lock.holdIds()).toEqual([sha1(holder.token)])
      await lock.enqueue(waiterByHand())
      expect(await lock.value()).toBe(`${holder.token}+`)
      expect(await lock.holdIds()).toEqual([sha1(holder.token)])
      // A steal compares the same.
      const newHolder = waiterByHand()
      const reply = await lock.steal(newHolder.token, sha1(holder.token))
      expect(reply).toEqual(["granted", 30_000, ""])
    },
  )

  bench("each hold of a shared lock has its own id", async ({ lock }) => {
    const sharers = await sharedBy(lock, Infinity, 20_000, 20_001)
    expect(await lock.holdIds()).toEqual(sharers.map(({ token }) => sha1(token)))
  })
}
