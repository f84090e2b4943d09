// The queue and foreign holders: clients in other languages with a plain `SET NX PX`.
import { expect, test } from "vitest"
import { holdAsStranger, type Lab } from "../contract/lab.js"
import { waiterByHand } from "../support/waiter-by-hand.js"
import { byHand, enter, expectFree, LONGEST_POLL_MS, msUntil, SLACK_MS } from "./line.js"

export function strangers(lab: () => Lab): void {
  test.for([
    ["with a ttl", 30_000],
    ["without a ttl", undefined],
  ] as const)(
    "a foreign hold %s is respected, not marked, and its release is noticed soon",
    async ([, ttlMs]) => {
      const { locks, command, name } = lab()
      const wanted = name()
      const hand = byHand(lab(), wanted)
      const value = await holdAsStranger(lab(), wanted, ttlMs)
      const { granted } = await enter(locks, wanted)
      const later = await enter(locks, wanted)
      expect(later.place).toBe(1)
      let isGranted = false
      void granted.then(() => (isGranted = true))
      // Long enough for a check by each of them.
      await new Promise((resolve) => setTimeout(resolve, 2_500))
      expect(isGranted).toBe(false)
      expect(await hand.value()).toBe(value)
      if (ttlMs === undefined) expect(await command("PTTL", hand.key("lock"))).toBe(-1)
      const freedAt = performance.now()
      await command("DEL", hand.key("lock"))
      expect(await msUntil(granted, freedAt)).toBeLessThan(LONGEST_POLL_MS + SLACK_MS)
      await (await granted).release()
      await (await later.granted).release()
      await expectFree(hand)
    },
  )

  test("the end of a foreign hold's ttl is noticed when it ends", async () => {
    const { locks, name } = lab()
    const wanted = name()
    const setAt = performance.now()
    await holdAsStranger(lab(), wanted, 2_000)
    const { granted } = await enter(locks, wanted)
    const waited = await msUntil(granted, setAt)
    expect(waited).toBeGreaterThanOrEqual(1_950)
    expect(waited).toBeLessThan(2_000 + 250 + SLACK_MS)
    await (await granted).release()
  })

  test("a foreign client that barges in after an expiry is waited for, and the queue continues after it", async () => {
    const { locks, command, name } = lab()
    const wanted = name()
    const hand = byHand(lab(), wanted)
    await hand.take(waiterByHand().token, 2_000)
    const first = await enter(locks, wanted)
    const second = await enter(locks, wanted)
    // As if it had come in the moment of the expiry.
    const bargedAt = performance.now()
    await command("SET", hand.key("lock"), "stranger", "PX", "3000")
    expect(await msUntil(first.granted, bargedAt)).toBeGreaterThan(2_950)
    expect(performance.now() - bargedAt).toBeLessThan(3_000 + LONGEST_POLL_MS + SLACK_MS)
    await (await first.granted).release()
    await (await second.granted).release()
    await expectFree(hand)
  })

  test.for([
    [
      "a stranger frees the lock",
      (of: Lab, name: string): Promise<unknown> => holdAsStranger(of, name, 30_000),
    ],
    [
      "the key of our holder is deleted",
      (of: Lab, name: string): Promise<unknown> => of.locks().acquire(name),
    ],
  ] as const)(
    "newcomers of ours overtake the waiters at most fifteen times when %s",
    async ([, hold]) => {
      const { locks, command, name } = lab()
      const wanted = name()
      const hand = byHand(lab(), wanted)
      await hold(lab(), wanted)
      const { granted } = await enter(locks, wanted)
      const served = new AbortController()
      void granted.then(() => {
        served.abort()
      })
      const newcomers = locks()
      await command("DEL", hand.key("lock"))
      let overtakes = 0
      for (let tries = 0; !served.signal.aborted && tries < 1_000; tries++) {
        const lock = await newcomers.tryAcquire(wanted)
        if (!lock) continue
        overtakes++
        await lock.release()
      }
      expect(overtakes).toBeLessThanOrEqual(15)
      await (await granted).release()
      await expectFree(hand)
    },
  )

  test("a newcomer of ours that wins once after an expiry hands the lock to the waiters", async () => {
    const { locks, name } = lab()
    const wanted = name()
    const hand = byHand(lab(), wanted)
    await hand.plant(waiterByHand({ leaseMs: 500 }))
    const newcomer = await locks().acquire(wanted)
    // The lock is not marked yet, because a plain SET took it; the next check marks it.
    const { granted } = await enter(locks, wanted)
    expect(await hand.value()).toBe(`${newcomer.token}+`)
    await newcomer.release()
    await (await granted).release()
    await expectFree(hand)
  })
}
