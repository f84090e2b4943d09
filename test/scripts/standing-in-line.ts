// The scripts for a waiter: taking, entering, checking, leaving, and the mark.
import { expect } from "vitest"
import { EXPIRES_BEFORE_APPEND } from "../support/preludes.js"
import { waiterByHand } from "../support/waiter-by-hand.js"
import type { BenchTest } from "./bench.js"

export function standingInLine(bench: BenchTest): void {
  bench("a free lock is taken by any caller, for its ttl", async ({ lock, command }) => {
    for (const action of ["try", "enqueue"] as const) {
      const waiter = waiterByHand()
      expect(await lock[action](waiter)).toMatchObject({ kind: "granted", left: 30_000 })
      expect(await lock.value()).toBe(waiter.token)
      expect(await command("PTTL", lock.key("lock"))).toBeGreaterThan(20_000)
      expect(await lock.waiters()).toEqual([])
      await lock.release(waiter.token)
    }
  })

  bench("a try neither waits nor marks", async ({ lock }) => {
    const holder = waiterByHand()
    await lock.take(holder.token)
    const reply = await lock.try(waiterByHand())
    expect(reply).toMatchObject({ kind: "busy", place: -1 })
    expect(reply.left).toBeGreaterThan(20_000)
    expect(await lock.value()).toBe(holder.token)
    expect(await lock.waiters()).toEqual([])
  })

  bench("the ticket stays when an enqueue is sent again", async ({ lock }) => {
    await lock.take(waiterByHand().token)
    const [first, second] = [waiterByHand(), waiterByHand()]
    const once = await lock.enqueue(first)
    const next = await lock.enqueue(second)
    const again = await lock.enqueue(first)
    expect(once).toMatchObject({ kind: "queued", place: 0 })
    expect(next).toMatchObject({ kind: "queued", place: 1 })
    expect(again).toMatchObject({ kind: "queued", place: 0, ticket: once.ticket })
    expect(Number(next.ticket)).toBeGreaterThan(Number(once.ticket))
    expect(await lock.waiters()).toEqual([first.entry, second.entry])
  })

  bench("an enqueue with an old ticket leads back to its place", async ({ lock, command }) => {
    await lock.take(waiterByHand().token)
    const waiters = [waiterByHand(), waiterByHand(), waiterByHand()]
    const tickets: string[] = []
    for (const waiter of waiters) tickets.push((await lock.enqueue(waiter)).ticket)
    const [, middle] = waiters
    if (!middle) throw new Error("unreachable")
    await command("ZREM", lock.key("queue"), middle.entry)
    const back = await lock.enqueue(middle, tickets[1])
    expect(back).toMatchObject({ kind: "queued", place: 1, ticket: tickets[1] })
    expect(await lock.waiters()).toEqual(waiters.map(({ entry }) => entry))
  })

  bench("a check never enters the queue", async ({ lock }) => {
    await lock.take(waiterByHand().token)
    const stranger = waiterByHand()
    const ticket = await lock.plant(waiterByHand())
    const reply = await lock.check(stranger, ticket)
    expect(reply).toMatchObject({ kind: "busy", place: -1 })
    expect(await lock.waiters()).not.toContain(stranger.entry)
  })

  bench("a check by a waiter that has left does not take a free lock", async ({ lock }) => {
    const { ticket } = await lock.enqueue(waiterByHand())
    const gone = waiterByHand()
    await lock.release((await lock.value()) as string)
    expect(await lock.check(gone, ticket)).toMatchObject({ kind: "busy", left: 0 })
    expect(await lock.value()).toBeNull()
  })

  bench(
    "the mark comes with the first waiter, once, and keeps the ttl",
    async ({ lock, command }) => {
      const holder = waiterByHand()
      await lock.take(holder.token, 20_000)
      for (let i = 0; i < 3; i++) {
        await lock.enqueue(waiterByHand())
        expect(await lock.value()).toBe(`${holder.token}+`)
        expect(await command("PTTL", lock.key("lock"))).toBeLessThanOrEqual(20_000)
        expect(await command("PTTL", lock.key("lock"))).toBeGreaterThan(10_000)
      }
    },
  )

  bench("a check marks a lock that a newcomer took without a mark", async ({ lock, command }) => {
    await lock.take(waiterByHand().token)
    const waiter = waiterByHand()
    const { ticket } = await lock.enqueue(waiter)
    await command("DEL", lock.key("lock"))
    const newcomer = waiterByHand()
    expect(await lock.take(newcomer.token)).toBe(true)
    expect(await lock.check(waiter, ticket)).toMatchObject({ kind: "queued", place: 0 })
    expect(await lock.value()).toBe(`${newcomer.token}+`)
  })

  bench("a foreign value is never marked, with a ttl or without", async ({ lock, command }) => {
    const waiter = waiterByHand()
    await command("SET", lock.key("lock"), "stranger", "PX", "20000")
    const { ticket, ...reply } = await lock.enqueue(waiter)
    expect(reply).toMatchObject({ kind: "queued", isForeign: true, place: 0 })
    await command("SET", lock.key("lock"), "stranger")
    expect(await lock.check(waiter, ticket)).toMatchObject({ left: -1, isForeign: true })
    expect(await lock.value()).toBe("stranger")
    await command("DEL", lock.key("lock"))
  })

  bench("a hold of ours is not reported as foreign", async ({ lock }) => {
    await lock.take(waiterByHand().token)
    expect(await lock.enqueue(waiterByHand())).toMatchObject({ isForeign: false })
  })

  bench(
    "a mark on a key that has just expired leaves no key without a ttl",
    async ({ lock, sent }) => {
      await lock.take(waiterByHand().token)
      const waiter = waiterByHand()
      const unlucky = sent({ prelude: EXPIRES_BEFORE_APPEND })
      expect(await unlucky.enqueue(waiter)).toMatchObject({ kind: "granted", left: 30_000 })
      expect(await lock.value()).toBe(waiter.token)
      expect(await lock.waiters()).toEqual([])
    },
  )

  bench(
    "a mark on a key that has just expired serves the head, not the caller",
    async ({ lock, sent, command }) => {
      await lock.take(waiterByHand().token)
      const [head, caller] = [waiterByHand(), waiterByHand()]
      await lock.enqueue(head)
      await command("DEL", lock.key("lock"))
      await lock.take(waiterByHand().token)
      const unlucky = sent({ prelude: EXPIRES_BEFORE_APPEND })
      expect(await unlucky.enqueue(caller)).toMatchObject({ kind: "queued", place: 0 })
      expect(await lock.value()).toBe(`${head.token}+`)
      expect(await lock.waiters()).toEqual([caller.entry])
    },
  )

  bench("a caller that already has the lock learns its remaining time", async ({ lock }) => {
    const mine = waiterByHand()
    await lock.take(mine.token, 10_000)
    for (const ask of [
      () => lock.try(mine),
      () => lock.enqueue(mine),
      () => lock.check(mine, "1"),
    ]) {
      const reply = await ask()
      expect(reply.kind).toBe("granted")
      expect(reply.left).toBeLessThanOrEqual(10_000)
      expect(reply.left).toBeGreaterThan(0)
    }
    await lock.enqueue(waiterByHand())
    expect(await lock.try(mine)).toMatchObject({ kind: "granted" })
    expect(await lock.readHold(mine.token)).toEqual(["held", expect.any(Number)])
  })

  bench(
    "a late SET that took the lock for a waiter takes it out of the queue",
    async ({ lock, command }) => {
      await lock.take(waiterByHand().token)
      const [late, other] = [waiterByHand(), waiterByHand()]
      const { ticket } = await lock.enqueue(late)
      await lock.enqueue(other)
      await command("DEL", lock.key("lock"))
      await lock.take(late.token)
      expect(await lock.check(late, ticket)).toMatchObject({ kind: "granted" })
      expect(await lock.waiters()).toEqual([other.entry])
    },
  )

  bench("a leave removes the waiter and nothing else", async ({ lock }) => {
    const holder = waiterByHand()
    await lock.take(holder.token)
    const waiters = [waiterByHand(), waiterByHand(), waiterByHand()]
    for (const waiter of waiters) await lock.enqueue(waiter)
    const [first, middle, last] = waiters
    if (!first || !middle || !last) throw new Error("unreachable")
    expect(await lock.leave(middle)).toEqual(["taken"])
    expect(await lock.leave(middle)).toEqual(["taken"])
    expect(await lock.waiters()).toEqual([first.entry, last.entry])
    expect(await lock.value()).toBe(`${holder.token}+`)
  })

  bench("when all waiters have left, a release frees the lock", async ({ lock }) => {
    const holder = waiterByHand()
    await lock.take(holder.token)
    const waiter = waiterByHand()
    await lock.enqueue(waiter)
    await lock.leave(waiter)
    expect(await lock.release(holder.token)).toEqual(["released"])
    expect(await lock.remains()).toEqual({})
  })

  bench(
    "an extension never shortens a hold, and recognizes a marked one",
    async ({ lock, command }) => {
      const holder = waiterByHand()
      await lock.take(holder.token, 20_000)
      expect(await lock.extend(holder.token, 5_000)).toBe("renewed")
      expect(await command("PTTL", lock.key("lock"))).toBeGreaterThan(10_000)
      await lock.enqueue(waiterByHand())
      expect(await lock.extend(holder.token, 30_000)).toBe("renewed")
      expect(await command("PTTL", lock.key("lock"))).toBeGreaterThan(20_000)
      expect(await lock.extend(waiterByHand().token, 30_000)).toBe("taken")
    },
  )

  bench("no record of a waiter that left is kept", async ({ lock, command }) => {
    await lock.take(waiterByHand().token)
    const waiter = waiterByHand()
    await lock.check(waiter, await lock.plant(waiter, 10_000))
    expect(await command("HLEN", lock.key("seen"))).toBe(1)
    await lock.leave(waiter)
    expect(await command("EXISTS", lock.key("seen"))).toBe(0)
  })

  bench("an early check leaves no record that is never read", async ({ lock, command }) => {
    await lock.take(waiterByHand().token)
    const waiter = waiterByHand()
    const { ticket } = await lock.enqueue(waiter)
    await lock.check(waiter, ticket)
    expect(await command("EXISTS", lock.key("seen"))).toBe(0)
  })
}
