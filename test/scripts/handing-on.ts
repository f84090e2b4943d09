// The scripts as they hand the lock on: to which waiter, for how long, with which message, and past which waiters.
import { createHash } from "node:crypto"
import { expect } from "vitest"
import { refusing } from "../support/preludes.js"
import { waiterByHand } from "../support/waiter-by-hand.js"
import { type BenchTest, expectHeard } from "./bench.js"

const granted = (leaseMs: number): unknown =>
  expect.stringMatching(new RegExp(`^granted \\d{16} ${String(leaseMs)} $`))

export function handingOn(bench: BenchTest): void {
  bench(
    "a release hands the lock to the head and notifies the head and the waiter behind it",
    async (b) => {
      const { lock, command, hear } = b
      const holder = waiterByHand()
      await lock.take(holder.token)
      const waiters = [20_000, 21_000, 22_000].map((leaseMs) => waiterByHand({ leaseMs }))
      const heard = []
      for (const waiter of waiters) {
        heard.push(await hear(waiter.channel))
        await lock.enqueue(waiter)
      }
      const [first, second, third] = waiters
      const [toFirst, toSecond, toThird] = heard
      if (!first || !second || !third || !toFirst || !toSecond || !toThird) throw new Error("no")
      expect(await lock.release(holder.token)).toEqual(["released"])
      expect(await lock.value()).toBe(`${first.token}+`)
      const left = Number(await command("PTTL", lock.key("lock")))
      expect(left).toBeLessThanOrEqual(20_000)
      expect(left).toBeGreaterThan(10_000)
      await expectHeard(toFirst, granted(20_000))
      await expectHeard(toSecond, "next 20000")

      expect(await lock.release(first.token)).toEqual(["released"])
      expect(await lock.value()).toBe(`${second.token}+`)
      await expectHeard(toSecond, "next 20000", granted(21_000))
      await expectHeard(toThird, "next 21000")

      // The last waiter: no one is behind it, so there is no mark.
      expect(await lock.release(second.token)).toEqual(["released"])
      expect(await lock.value()).toBe(third.token)
      await expectHeard(toThird, "next 21000", granted(22_000))
      await expectHeard(toFirst, granted(20_000))
      expect(await lock.release(third.token)).toEqual(["released"])
      expect(await lock.remains()).toEqual({})
    },
  )

  bench(
    "a steal notifies a holder that watches, once, and publishes nothing for any other",
    async ({ lock, hear }) => {
      const watching = "fl_client_0123456789012345678901.w"
      const silent = "fl_client_012345678901234567890123"
      const channelOf = (token: string) =>
        `fetchlock-${createHash("sha1").update(token).digest("hex")}`
      const [toWatching, toSilent] = [
        await hear(channelOf(watching)),
        await hear(channelOf(silent)),
      ]
      for (const token of [watching, silent]) {
        const newHolder = waiterByHand()
        await lock.take(token)
        const [, , digest] = (await lock.steal(newHolder.token)) as [string, number, string]
        const reply = await lock.steal(newHolder.token, digest)
        expect(reply).toEqual(["granted", expect.any(Number), ""])
        // A copy of the request that arrives late.
        await lock.steal(newHolder.token, digest)
        await lock.release(newHolder.token)
      }
      await expectHeard(toWatching, "stolen")
      await expectHeard(toSilent)
    },
  )

  bench("a release that is sent again takes nothing from the next holder", async ({ lock }) => {
    const [holder, next] = [waiterByHand(), waiterByHand()]
    await lock.take(holder.token)
    await lock.enqueue(next)
    await lock.release(holder.token)
    expect(await lock.release(holder.token)).toEqual(["taken"])
    expect(await lock.value()).toBe(next.token)
    expect(await lock.extend(holder.token, 30_000)).toBe("taken")
  })

  bench("the message of a grant carries the server's time of the grant", async (b) => {
    const { lock, command, hear } = b
    const [holder, waiter] = [waiterByHand(), waiterByHand()]
    const heard = await hear(waiter.channel)
    await lock.take(holder.token)
    const before = (await lock.enqueue(waiter)).micros
    await lock.release(holder.token)
    const [seconds, micros] = (await command("TIME")) as string[]
    await expectHeard(heard, granted(20_000))
    const at = Number(heard[0]?.split(" ")[1])
    expect(at).toBeGreaterThan(before)
    expect(at).toBeLessThanOrEqual(Number(seconds) * 1_000_000 + Number(micros))
  })

  bench("waiters that died long ago are skipped in one step", async ({ lock, hear, command }) => {
    const [holder, living] = [waiterByHand(), waiterByHand()]
    await lock.take(holder.token)
    for (let i = 0; i < 20; i++) await lock.plant(waiterByHand(), 31_000 + i)
    const heard = await hear(living.channel)
    expect(await lock.enqueue(living)).toMatchObject({ place: 20 })
    await lock.release(holder.token)
    expect(await lock.value()).toBe(living.token)
    expect(await command("EXISTS", lock.key("queue"))).toBe(0)
    await expectHeard(heard, granted(20_000))
  })

  bench(
    "an old waiter that checked recently is alive, and its record is deleted once it is served",
    async (b) => {
      const { lock, command } = b
      const [holder, old, young] = [waiterByHand(), waiterByHand(), waiterByHand()]
      await lock.take(holder.token)
      const ticket = await lock.plant(old, 100_000)
      await lock.enqueue(young)
      expect(await lock.check(old, ticket)).toMatchObject({ kind: "queued", place: 0, ticket })
      expect(await command("HEXISTS", lock.key("seen"), old.token)).toBe(1)
      expect(await command("PTTL", lock.key("seen"))).toBeGreaterThan(20_000)
      await lock.release(holder.token)
      expect(await lock.value()).toBe(`${old.token}+`)
      expect(await command("HLEN", lock.key("seen"))).toBe(0)
    },
  )

  bench(
    "the record of an old waiter that is served by its own check is deleted as well",
    async (b) => {
      const { lock, command } = b
      const old = waiterByHand()
      const ticket = await lock.plant(old, 100_000)
      expect(await lock.check(old, ticket)).toMatchObject({ kind: "granted", left: 30_000 })
      expect(await command("HLEN", lock.key("seen"))).toBe(0)
    },
  )

  bench(
    "a waiter that came less than 30 s ago counts as alive without a check",
    async ({ lock }) => {
      const [holder, quiet] = [waiterByHand(), waiterByHand()]
      await lock.take(holder.token)
      await lock.plant(quiet, 28_000)
      await lock.release(holder.token)
      // Unmarked, since it was put there by hand: the next caller serves it.
      expect(await lock.try(waiterByHand())).toMatchObject({ kind: "busy" })
      expect(await lock.value()).toBe(quiet.token)
    },
  )

  for (const what of ["try", "enqueue", "check", "release", "leave"] as const) {
    bench(`while the lock is free and has waiters, a ${what} serves the head`, async (b) => {
      const { lock, hear } = b
      const [head, next, caller] = [waiterByHand(), waiterByHand(), waiterByHand()]
      await lock.plant(head, 2_000)
      const heard = await hear(head.channel)
      const nextHeard = await hear(next.channel)
      const ticket = await lock.plant(next, 1_000)
      if (what === "check") expect((await lock.check(next, ticket)).kind).toBe("queued")
      else if (what === "release") expect(await lock.release(caller.token)).toEqual(["gone"])
      else if (what === "leave") expect(await lock.leave(caller)).toEqual(["gone"])
      else {
        const reply = await lock[what](caller)
        expect(reply).toMatchObject(
          what === "try"
            ? { kind: "busy", left: 20_000 }
            : { kind: "queued", place: 1, left: 20_000 },
        )
      }
      expect(await lock.value()).toBe(`${head.token}+`)
      await expectHeard(heard, granted(20_000))
      await expectHeard(nextHeard, "next 20000")
    })
  }

  bench("a head that checks a free lock gets it for its ttl, without a message", async (b) => {
    const { lock, hear, command } = b
    const [head, next] = [waiterByHand(), waiterByHand()]
    const ticket = await lock.plant(head, 2_000)
    await lock.plant(next, 1_000)
    const heard = await hear(head.channel)
    const nextHeard = await hear(next.channel)
    expect(await lock.check(head, ticket)).toMatchObject({ kind: "granted", left: 30_000 })
    expect(await command("PTTL", lock.key("lock"))).toBeGreaterThan(20_000)
    expect(await lock.value()).toBe(`${head.token}+`)
    await expectHeard(nextHeard, "next 30000")
    expect(heard).toEqual([])
  })

  bench("a leave hands on a grant that was just made", async ({ lock, hear }) => {
    const [holder, leaver, next] = [waiterByHand(), waiterByHand(), waiterByHand()]
    await lock.take(holder.token)
    await lock.enqueue(leaver)
    await lock.enqueue(next)
    const heard = await hear(next.channel)
    await lock.release(holder.token)
    expect(await lock.value()).toBe(`${leaver.token}+`)
    expect(await lock.leave(leaver)).toEqual(["released"])
    expect(await lock.value()).toBe(next.token)
    await expectHeard(heard, "next 20000", granted(20_000))
    expect(await lock.leave(next)).toEqual(["released"])
    expect(await lock.remains()).toEqual({})
  })

  bench("a leave after a late SET frees the lock as well", async ({ lock, command }) => {
    const [holder, waiter] = [waiterByHand(), waiterByHand()]
    await lock.take(holder.token)
    await lock.enqueue(waiter)
    await command("DEL", lock.key("lock"))
    await lock.take(waiter.token)
    expect(await lock.leave(waiter)).toEqual(["released"])
    expect(await lock.remains()).toEqual({})
  })

  bench(
    "a leave after a late SET hands the lock on to the remaining waiters",
    async ({ lock, command }) => {
      const [holder, late, other] = [waiterByHand(), waiterByHand(), waiterByHand()]
      await lock.take(holder.token)
      await lock.enqueue(late)
      await lock.enqueue(other)
      await command("DEL", lock.key("lock"))
      // Without a mark, because a plain SET took it.
      await lock.take(late.token)
      expect(await lock.leave(late)).toEqual(["released"])
      expect(await lock.value()).toBe(other.token)
    },
  )

  bench("fencing tokens rise from hand-off to hand-off", async ({ lock, hear }) => {
    const waiters = [1, 2, 3].map(() => waiterByHand({ fencing: true }))
    const first = waiterByHand({ fencing: true })
    const fences = [(await lock.enqueue(first)).fence]
    let holder = first
    const heard = []
    for (const waiter of waiters) {
      heard.push(await hear(waiter.channel))
      await lock.enqueue(waiter)
    }
    for (const [i, waiter] of waiters.entries()) {
      await lock.release(holder.token)
      // A retry of the grant keeps its token.
      const again = await lock.try(waiter)
      expect(again.kind).toBe("granted")
      expect((await lock.enqueue(waiter)).fence).toBe(again.fence)
      const told = heard[i]?.find((text) => text.startsWith("granted"))
      if (told !== undefined) expect(told.endsWith(` ${again.fence}`)).toBe(true)
      fences.push(again.fence)
      holder = waiter
    }
    const numbers = fences.map(Number)
    expect(numbers.every(Number.isSafeInteger)).toBe(true)
    expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual(numbers)
  })

  bench("a fencing token rises even after its counter was lost", async ({ lock, command }) => {
    const [first, second] = [waiterByHand({ fencing: true }), waiterByHand({ fencing: true })]
    const before = Number((await lock.try(first)).fence)
    await lock.release(first.token)
    await command("DEL", lock.key("fence"))
    expect(Number((await lock.try(second)).fence)).toBeGreaterThan(before)
  })

  bench("a fencing token is above one that is ahead of the clock", async ({ lock, command }) => {
    await command("SET", lock.key("fence"), String(2 ** 52), "PX", "60000")
    expect((await lock.try(waiterByHand({ fencing: true }))).fence).toBe(String(2 ** 52 + 1))
  })

  bench(
    "messages that the script cannot publish are returned with its reply",
    async ({ lock, sent }) => {
      const [holder, first, second] = [waiterByHand(), waiterByHand(), waiterByHand()]
      const mute = sent({ prelude: refusing("PUBLISH") })
      await lock.take(holder.token)
      await lock.enqueue(first)
      await lock.enqueue(second)
      expect(await mute.release(holder.token)).toEqual([
        "released",
        ...[first.channel, granted(20_000)],
        ...[second.channel, "next 20000"],
      ])
      expect(await lock.value()).toBe(`${first.token}+`)
    },
  )

  bench("a waiter without a channel is sent no message", async ({ lock, sent }) => {
    const [holder, silent] = [waiterByHand(), waiterByHand({ listens: false })]
    const mute = sent({ prelude: refusing("PUBLISH") })
    await lock.take(holder.token)
    await lock.enqueue(silent)
    expect(await mute.release(holder.token)).toEqual(["released"])
    expect(await lock.value()).toBe(silent.token)
  })

  bench(
    "an invalid entry is removed from the queue and never served",
    async ({ lock, command }) => {
      const [holder, waiter] = [waiterByHand(), waiterByHand()]
      await command("ZADD", lock.key("queue"), "1", "rubbish")
      await lock.take(holder.token)
      await lock.enqueue(waiter)
      await lock.release(holder.token)
      expect(await lock.value()).toBe(waiter.token)
      expect(await lock.waiters()).toEqual([])
    },
  )

  bench(
    "a script that touched a key that is not its own would be refused",
    async ({ lock, sent }) => {
      const prelude = 'redis.call("GET", "somebody else\'s")\n'
      await expect(sent({ prelude }).try(waiterByHand())).rejects.toThrow("Dynamic keys")
      expect(await lock.remains()).toEqual({})
    },
  )
}
