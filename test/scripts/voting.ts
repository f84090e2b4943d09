// The scripts of a quorum on one of its databases, vote by vote.
import { expect } from "vitest"
import { VOTING_SINCE_KEY } from "../../src/redis/keys.js"
import { waiterByHand } from "../support/waiter-by-hand.js"
import type { BenchTest } from "./bench.js"

export function voting(bench: BenchTest): void {
  bench("a late vote of an earlier attempt does not replace a later one", async ({ lock }) => {
    expect((await lock.vote("fl_a_b", 2))[0]).toBe("granted")
    expect((await lock.vote("fl_a_b", 1))[0]).toBe("busy")
    expect(await lock.value()).toBe("fl_a_b-2")
  })

  bench(
    "a later attempt replaces earlier ones, with its full ttl, and attempt ten is later than two",
    async ({ lock }) => {
      await lock.vote("fl_a_b", 2, { ttlMs: 5_000 })
      expect((await lock.vote("fl_a_b", 10)).slice(0, 2)).toEqual(["granted", 30_000])
      expect(await lock.value()).toBe("fl_a_b-10")
      expect((await lock.remains())[lock.key("lock")]).toBeGreaterThan(20_000)
    },
  )

  bench("a vote that was sent twice gets its remaining time", async ({ lock }) => {
    await lock.vote("fl_a_b", 1, { ttlMs: 5_000 })
    const [kind, left] = await lock.vote("fl_a_b", 1)
    expect(kind).toBe("granted")
    expect(left).toBeLessThanOrEqual(5_000)
    expect(left).toBeGreaterThan(0)
  })

  bench("calls whose tokens have the same beginning are different calls", async ({ lock }) => {
    await lock.vote("fl_a_b", 1)
    expect((await lock.vote("fl_a_b-1", 2))[0]).toBe("busy")
    expect((await lock.vote("fl_a", 2))[0]).toBe("busy")
    expect(await lock.value()).toBe("fl_a_b-1")
    await lock.release("fl_a_b-1")
    await lock.vote("fl_a_7", 1)
    expect((await lock.vote("fl_a", 9))[0]).toBe("busy")
  })

  bench("a refused caller learns the holder and its remaining time", async ({ lock }) => {
    const { token } = waiterByHand()
    await lock.take(token, 5_000)
    const [kind, left, holder] = await lock.vote("fl_a_b", 1)
    expect([kind, holder]).toEqual(["busy", token])
    expect(left).toBeLessThanOrEqual(5_000)
    expect(await lock.value()).toBe(token)
  })

  bench(
    "a key that is not a string belongs to another program, and is left alone",
    async ({ lock, command }) => {
      await command("HSET", lock.key("lock"), "a", "b")
      await command("PEXPIRE", lock.key("lock"), "5000")
      expect((await lock.vote("fl_a_b", 1))[0]).toBe("busy")
      expect(await command("HGET", lock.key("lock"), "a")).toBe("b")
    },
  )

  bench("the mark of a waiter on this database alone is kept", async ({ lock, command }) => {
    await lock.vote("fl_a_b", 1)
    await command("APPEND", lock.key("lock"), "+")
    expect((await lock.vote("fl_a_b", 2))[0]).toBe("granted")
    expect(await lock.value()).toBe("fl_a_b-2+")
    expect(await lock.fence("fl_a_b-2", 7)).toBe("noted")
    expect(await lock.fence("fl_a_b-1", 8)).toBe("taken")
  })

  bench(
    "a database without memory votes when its quarantine is over, or when it is started",
    async ({ lock }) => {
      await lock.forget()
      const quarantined = { quarantineMs: 60_000 }
      const [kind, left] = await lock.vote("fl_a_b", 1, quarantined)
      expect([kind, left]).toEqual(["young", 60_000])
      expect((await lock.vote("fl_a_b", 2, quarantined))[0]).toBe("young")
      expect(await lock.value()).toBeNull()
      await lock.start()
      expect((await lock.vote("fl_a_b", 3, quarantined))[0]).toBe("granted")
    },
  )

  bench(
    "a database whose clock was set back restarts its quarantine",
    async ({ lock, command }) => {
      await command("SET", VOTING_SINCE_KEY, String(Date.now() + 3_600_000))
      const vote = await lock.vote("fl_a_b", 1, { quarantineMs: 60_000 })
      expect(vote).toEqual(["young", 60_000])
      await lock.start()
    },
  )

  bench(
    "a fencing counter never goes down, and is noted only with the vote",
    async ({ lock, command }) => {
      await lock.vote("fl_a_b", 1)
      expect(await lock.fence("fl_a_b-1", 2 ** 52 + 1)).toBe("noted")
      expect(await lock.fence("fl_a_b-1", 9)).toBe("noted")
      expect(await command("GET", lock.key("fence"))).toBe(String(2 ** 52 + 1))
      expect((await lock.vote("fl_a_b", 1))[2]).toBe(String(2 ** 52 + 1))
      await lock.release("fl_a_b-1")
      expect(await lock.fence("fl_a_b-1", 2 ** 52 + 2)).toBe("gone")
      expect(await command("GET", lock.key("fence"))).toBe(String(2 ** 52 + 1))
    },
  )
}
