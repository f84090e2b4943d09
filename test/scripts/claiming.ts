// The scripts of an uncontended lock: the claim, and the release that deletes by comparison.
import { expect } from "vitest"
import { HAS_DELEX, refusing } from "../support/preludes.js"
import { waiterByHand } from "../support/waiter-by-hand.js"
import { type BenchTest, expectHeard } from "./bench.js"

export function claiming(bench: BenchTest): void {
  bench("a claim takes a free lock for its ttl, and nothing else", async ({ lock, command }) => {
    const [first, second] = [waiterByHand(), waiterByHand()]
    expect(await lock.claim(first.token)).toEqual(["granted", 30_000])
    expect(await command("PTTL", lock.key("lock"))).toBeGreaterThan(20_000)
    expect(await lock.claim(second.token)).toEqual(["busy"])
    expect(await lock.value()).toBe(first.token)
  })

  bench("a retried claim gets the remaining time of its hold", async ({ lock }) => {
    const { token } = waiterByHand()
    await lock.claim(token, { ttlMs: 9_000 })
    for (const marked of [false, true]) {
      if (marked) await lock.enqueue(waiterByHand())
      const [kind, left] = (await lock.claim(token)) as [string, number]
      expect(kind).toBe("granted")
      expect(left).toBeGreaterThan(5_000)
      expect(left).toBeLessThanOrEqual(9_000)
    }
  })

  bench("a caller that would wait takes a free lock, even while others wait", async (b) => {
    const { lock, command } = b
    const [waiter, first, second] = [waiterByHand(), waiterByHand(), waiterByHand()]
    await lock.plant(waiter, 1_000)
    expect(await lock.claimOrWait(first)).toMatchObject({ kind: "granted", left: 30_000 })
    expect(await command("PTTL", lock.key("lock"))).toBeGreaterThan(20_000)
    expect(await lock.waiters()).toEqual([waiter.entry])
    // The second request finds it taken, and waits.
    expect(await lock.claimOrWait(second)).toMatchObject({ kind: "queued", place: 1 })
    expect(await lock.waiters()).toEqual([waiter.entry, second.entry])
    expect(await lock.value()).toBe(`${first.token}+`)
  })

  bench("a caller that would wait recognizes its own lock, and then waits no more", async (b) => {
    const { lock } = b
    const [caller, waiter] = [waiterByHand(), waiterByHand()]
    await lock.claimOrWait(caller, 9_000)
    await lock.enqueue(waiter)
    const again = await lock.claimOrWait(caller)
    expect(again.kind).toBe("granted")
    expect(again.left).toBeLessThanOrEqual(9_000)
    expect(await lock.waiters()).toEqual([waiter.entry])
  })

  bench("a caller that would wait keeps its place when its request is repeated", async (b) => {
    const { lock } = b
    const [holder, caller, other] = [waiterByHand(), waiterByHand(), waiterByHand()]
    await lock.take(holder.token)
    const { ticket } = await lock.claimOrWait(caller)
    await lock.enqueue(other)
    expect(await lock.claimOrWait(caller)).toMatchObject({ kind: "queued", place: 0, ticket })
  })

  bench("a claim leaves a foreign lock unchanged", async ({ lock, command }) => {
    await command("SET", lock.key("lock"), "a stranger", "PX", "20000")
    expect(await lock.claim(waiterByHand().token)).toEqual(["busy"])
    expect(await lock.value()).toBe("a stranger")
  })

  bench("a release by DELEX frees the token's lock, and nothing else", async (b) => {
    const lock = b.sent({ prelude: HAS_DELEX })
    const [holder, other] = [waiterByHand(), waiterByHand()]
    await lock.claim(holder.token)
    expect(await lock.releaseByDelex(other.token)).toMatchObject({ result: "taken", lacks: 0 })
    expect(await lock.value()).toBe(holder.token)
    expect(await lock.releaseByDelex(holder.token)).toMatchObject({ result: "released", lacks: 0 })
    expect(await lock.value()).toBeNull()
    expect(await lock.releaseByDelex(holder.token)).toMatchObject({ result: "gone", lacks: 0 })
  })

  bench("a release by DELEX hands the lock on if a waiter has come", async (b) => {
    const lock = b.sent({ prelude: HAS_DELEX })
    const [holder, waiter] = [waiterByHand(), waiterByHand()]
    const heard = await b.hear(waiter.channel)
    await lock.claim(holder.token)
    await lock.enqueue(waiter)
    expect(await lock.releaseByDelex(holder.token)).toMatchObject({ result: "released" })
    expect(await lock.value()).toBe(waiter.token)
    await expectHeard(heard, expect.any(String))
  })

  bench("a release works without DELEX if the server has none, and reports that", async (b) => {
    for (const error of [
      "ERR unknown command 'DELEX', with args beginning with: 'a'",
      "ERR Unknown Redis command called from script script: 5f, on @user_script:1.",
      "@user_script: 1: Unknown Redis command called from Lua script",
      "ERR syntax error",
    ]) {
      const lock = b.sent({ prelude: refusing("DELEX", error) })
      const { token } = waiterByHand()
      await lock.claim(token)
      expect(await lock.releaseByDelex(token)).toMatchObject({ result: "released", lacks: 1 })
      expect(await lock.value()).toBeNull()
    }
  })

  bench("a temporary error of DELEX does not mean that the server has none", async (b) => {
    for (const error of [
      "OOM command not allowed when used memory > 'maxmemory'.",
      "READONLY You can't write against a read only replica.",
      "MISCONF Redis is configured to save RDB snapshots. Commands that may modify the data set are disabled",
    ]) {
      const lock = b.sent({ prelude: refusing("DELEX", error) })
      const { token } = waiterByHand()
      await lock.claim(token)
      expect(await lock.releaseByDelex(token)).toMatchObject({ result: "released", lacks: 0 })
    }
  })
}
