// The scripts when waiters have died: their channels have no listeners any more, and waiters that listen need not wait for them.
import { expect } from "vitest"
import { refusing } from "../support/preludes.js"
import { waiterByHand } from "../support/waiter-by-hand.js"
import { type Bench, type BenchTest, expectHeard } from "./bench.js"

/** Makes the server report no listeners for channels with the given start. */
const countsNobodyOn = (channels: string) => `local redis = (function(real)
  return setmetatable({ pcall = function(name, ...)
    local reply = real.pcall(name, ...)
    if name == "PUBSUB" then
      for i = 1, #reply, 2 do
        if string.sub(reply[i], 1, ${channels.length}) == "${channels}" then reply[i + 1] = 0 end
      end
    end
    return reply
  end }, { __index = real })
end)(redis)
`

/** Puts waiters into the queue of a lock whose holder has died, and lets the live ones listen. */
async function queueUp({ lock, hear }: Bench, ...lives: readonly boolean[]) {
  const line = []
  for (const [i, isAlive] of lives.entries()) {
    const waiter = waiterByHand()
    const heard = isAlive ? await hear(waiter.channel) : []
    line.push({ waiter, heard, ticket: await lock.plant(waiter, 10_000 - i) })
  }
  return line
}

export function dying(bench: BenchTest): void {
  bench("a check removes earlier waiters without a listener from the queue", async (b) => {
    const { lock, command } = b
    const [, first, , last] = await queueUp(b, false, true, false, true, false)
    if (!first || !last) throw new Error("no")
    await lock.check(first.waiter, first.ticket)
    expect(await lock.value()).toBe(`${first.waiter.token}+`)
    await command("DEL", lock.key("lock"))
    expect(await lock.check(last.waiter, last.ticket)).toMatchObject({ kind: "granted" })
    // The waiter behind it is not its business.
    expect(await lock.waiters()).toHaveLength(1)
    expect(await command("HLEN", lock.key("seen"))).toBe(0)
  })

  bench("the records of a removed waiter are deleted", async (b) => {
    const { lock, command } = b
    const [dead, caller] = await queueUp(b, false, true)
    if (!dead || !caller) throw new Error("no")
    await command("HSET", lock.key("seen"), dead.waiter.token, dead.ticket)
    await command("PEXPIRE", lock.key("seen"), "30000")
    await lock.check(caller.waiter, caller.ticket)
    expect(await command("HLEN", lock.key("seen"))).toBe(0)
  })

  bench("no waiter counts as dead if the caller itself has no listener", async (b) => {
    const [head, , caller] = await queueUp(b, false, true, false)
    if (!head || !caller) throw new Error("no")
    const reply = await b.lock.check(caller.waiter, caller.ticket)
    expect(reply).toMatchObject({ kind: "queued", place: 1 })
    expect(await b.lock.value()).toBe(`${head.waiter.token}+`)
  })

  bench("a polling waiter does not count as dead", async (b) => {
    const { lock } = b
    const polling = waiterByHand({ listens: false })
    await lock.plant(polling, 20_000)
    const [, caller] = await queueUp(b, false, true)
    if (!caller) throw new Error("no")
    const reply = await lock.check(caller.waiter, caller.ticket)
    expect(reply).toMatchObject({ kind: "queued", place: 0 })
    expect(await lock.value()).toBe(`${polling.token}+`)
  })

  bench(
    "a waiter that came or checked in the last five seconds does not count as dead",
    async (b) => {
      const { lock, hear, command } = b
      const [old, young, caller] = [waiterByHand(), waiterByHand(), waiterByHand()]
      await lock.plant(old, 20_000)
      await lock.plant(young, 2_000)
      await hear(caller.channel)
      const ticket = await lock.plant(caller, 1_000)
      await command("HSET", lock.key("seen"), old.token, ticket)
      await command("PEXPIRE", lock.key("seen"), "30000")
      expect(await lock.check(caller, ticket)).toMatchObject({ kind: "queued", place: 1 })
      expect(await lock.value()).toBe(`${old.token}+`)
      expect(await lock.waiters()).toEqual([young.entry, caller.entry])
    },
  )

  bench("no waiter counts as dead on a server that cannot count listeners", async (b) => {
    const sent = b.sent({ prelude: refusing("PUBSUB") })
    const [head, caller] = await queueUp(b, false, true)
    if (!head || !caller) throw new Error("no")
    expect(await sent.check(caller.waiter, caller.ticket)).toMatchObject({ kind: "queued" })
    expect(await b.lock.value()).toBe(`${head.waiter.token}+`)
    expect(await sent.release(head.waiter.token)).toEqual(["released"])
    expect(await b.lock.value()).toBe(caller.waiter.token)
  })

  bench("no waiter counts as dead while the lock is held", async (b) => {
    const { lock } = b
    const [, caller] = await queueUp(b, false, true)
    if (!caller) throw new Error("no")
    await lock.take(waiterByHand().token)
    expect(await lock.check(caller.waiter, caller.ticket)).toMatchObject({ place: 1 })
  })

  bench("no waiter counts as dead while all permits are taken", async (b) => {
    const { lock, hear } = b
    const limit = 1
    await lock.try(waiterByHand({ limit }))
    await lock.plant(waiterByHand({ limit }), 10_000)
    const caller = waiterByHand({ limit })
    await hear(caller.channel)
    const ticket = await lock.plant(caller, 9_000)
    expect(await lock.check(caller, ticket)).toMatchObject({ kind: "queued", place: 1 })
  })

  bench("a waiter with a listener does not count as dead, however long ago it came", async (b) => {
    const [head, caller] = await queueUp(b, true, true)
    if (!head || !caller) throw new Error("no")
    expect(await b.lock.check(caller.waiter, caller.ticket)).toMatchObject({ kind: "queued" })
    expect(await b.lock.value()).toBe(`${head.waiter.token}+`)
  })

  bench("no waiter counts as dead to a caller outside the queue", async (b) => {
    const { lock, hear } = b
    const [head] = await queueUp(b, false, true)
    const stranger = waiterByHand()
    await hear(stranger.channel)
    expect(await lock.check(stranger, "1")).toMatchObject({ kind: "busy" })
    expect(await lock.value()).toBe(`${head?.waiter.token ?? ""}+`)
  })

  bench("a waiter that was removed but lives is notified, and returns to its place", async (b) => {
    const { lock } = b
    const [wronged, caller] = await queueUp(b, true, true, true)
    if (!wronged || !caller) throw new Error("no")
    const { waiter, heard, ticket } = wronged
    const sent = b.sent({ prelude: countsNobodyOn(waiter.channel) })
    const reply = await sent.check(caller.waiter, caller.ticket)
    expect(reply).toMatchObject({ kind: "granted" })
    await expectHeard(heard, "next 0")
    expect(await lock.check(waiter, ticket)).toMatchObject({ kind: "busy" })
    expect(await lock.enqueue(waiter, ticket)).toMatchObject({ kind: "queued", place: 0 })
  })

  bench("the first waiter with a listener is notified that it is next", async (b) => {
    const { lock, hear } = b
    const holder = waiterByHand()
    await lock.take(holder.token)
    const line = [false, false, true, true].map((isAlive) => ({ isAlive, waiter: waiterByHand() }))
    const ears = []
    for (const { isAlive, waiter } of line) {
      if (isAlive) ears.push(await hear(waiter.channel))
      await lock.enqueue(waiter)
    }
    expect(await lock.release(holder.token)).toEqual(["released"])
    const [first = [], second = []] = ears
    await expectHeard(first, "next 20000")
    expect(second).toEqual([])
    // They stay where they are: a missing listener is not a proof.
    expect(await lock.waiters()).toEqual(line.slice(1).map(({ waiter }) => waiter.entry))
  })

  bench("a waiter for a shared lock is notified, too", async (b) => {
    const { lock, hear } = b
    const limit = 1
    const [holder, dead, living] = [1, 2, 3].map(() => waiterByHand({ limit }))
    if (!holder || !dead || !living) throw new Error("no")
    await lock.try(holder)
    await lock.enqueue(waiterByHand({ limit }))
    await lock.enqueue(dead)
    const heard = await hear(living.channel)
    await lock.enqueue(living)
    expect(await lock.release(holder.token)).toEqual(["released"])
    await expectHeard(heard, expect.stringMatching(/^next \d+$/))
  })

  bench("a waiter for a shared lock need not wait for dead waiters before it either", async (b) => {
    const { lock, hear } = b
    const limit = 2
    const holder = waiterByHand({ limit })
    await lock.try(holder)
    const dead = [1, 2, 3].map(() => waiterByHand({ limit }))
    for (const waiter of dead) await lock.plant(waiter, 10_000)
    const living = waiterByHand({ limit })
    await hear(living.channel)
    const ticket = await lock.plant(living, 9_000)
    expect(await lock.check(living, ticket)).toMatchObject({ kind: "granted" })
    expect(await lock.waiters()).toEqual([])
  })

  bench(
    "waiters that share a stream listen as long as it is open, and each is told by its number",
    async (b) => {
      const { lock, hear } = b
      const holder = waiterByHand()
      const [dead, first, second] = [
        waiterByHand(),
        waiterByHand({ shares: "shared" }),
        waiterByHand({ shares: "shared" }),
      ]
      await lock.take(holder.token)
      for (const waiter of [first, dead, second]) await lock.enqueue(waiter)
      const heard = await hear("shared")
      await lock.release(holder.token)
      const granted: unknown = expect.stringMatching(
        new RegExp(`^${first.number} granted \\d+ \\d+ $`),
      )
      // The next one has no listener, so the first that has one is told.
      await expectHeard(heard, granted, `${second.number} next 20000`)
    },
  )

  bench("a waiter that shares a stream is not removed while the stream is open", async (b) => {
    const { lock, hear } = b
    const [other, caller] = [waiterByHand({ shares: "open" }), waiterByHand({ shares: "open" })]
    await hear("open")
    await lock.plant(other, 10_000)
    const ticket = await lock.plant(caller, 9_000)
    expect(await lock.check(caller, ticket)).toMatchObject({ kind: "queued", place: 0 })
    expect(await lock.value()).toBe(`${other.token}+`)
  })

  bench("no waiter is notified if none has a listener", async (b) => {
    const { lock, sent } = b
    const holder = waiterByHand()
    await lock.take(holder.token)
    for (let i = 0; i < 3; i++) await lock.enqueue(waiterByHand())
    expect(await sent({}).release(holder.token)).toEqual(["released"])
    expect(await lock.waiters()).toHaveLength(2)
  })
}
