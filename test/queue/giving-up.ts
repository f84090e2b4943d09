// Waiters that give up: an abort and a deadline, with the grant already on its way.
import { expect, test } from "vitest"
import type { Lab } from "../contract/lab.js"
import { always, nothing } from "../support/fault-proxy.js"
import { byHand, enter, expectFree, LONGEST_POLL_MS, msUntil, SLACK_MS, until } from "./line.js"

export function givingUp(lab: () => Lab): void {
  test.for(["abort", "deadline"] as const)(
    "a waiter that ends by its %s while its grant is on its way hands on at once",
    async (how) => {
      const { locks, proxied, variant, name } = lab()
      const { proxy, locks: behindProxy } = await proxied()
      const lock = await locks().acquire(name())
      const hand = byHand(lab(), lock.name)
      const controller = new AbortController()
      // Its grant gets lost on the way, or it does not ask in time.
      proxy.plan = always("SUBSCRIBE", { kind: "stream-stalled", after: "confirmation" })
      const ending = how === "abort" ? { signal: controller.signal } : { wait: 1_500 }
      const first = await enter(behindProxy, lock.name, ending)
      const second = await enter(locks, lock.name)
      proxy.plan = ({ operations }) =>
        operations.includes("acquire")
          ? { kind: "request-delayed", ms: how === "abort" ? 300 : 2_500 }
          : undefined
      await lock.release()
      const handedTo = await hand.value()
      expect(handedTo).toMatch(/\+$/)
      if (how === "abort") controller.abort("enough")
      await expect(first.granted).rejects.toBeDefined()
      const endedAt = performance.now()
      const notice = variant.push ? 0 : LONGEST_POLL_MS
      const mine = await second.granted
      expect(performance.now() - endedAt).toBeLessThan(notice + SLACK_MS)
      expect(handedTo).not.toContain(mine.token)
      proxy.plan = nothing
      await mine.release()
      await expectFree(hand)
    },
  )

  test("a waiter that gives up in the middle is not missed", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name())
    const hand = byHand(lab(), lock.name)
    const controller = new AbortController()
    const first = await enter(locks, lock.name)
    const second = await enter(locks, lock.name, { signal: controller.signal })
    const third = await enter(locks, lock.name)
    controller.abort("enough")
    await expect(second.granted).rejects.toBe("enough")
    await until(async () => {
      expect(await hand.waiters()).toHaveLength(2)
    })
    await lock.release()
    await (await first.granted).release()
    const releasedAt = performance.now()
    expect(await msUntil(third.granted, releasedAt)).toBeLessThan(LONGEST_POLL_MS + SLACK_MS)
    await (await third.granted).release()
    await expectFree(hand)
  })

  test("an abort while the place in the queue is asked for leaves no place behind", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: behindProxy } = await proxied()
    const lock = await locks().acquire(name())
    const hand = byHand(lab(), lock.name)
    const controller = new AbortController()
    proxy.plan = always("acquire", { kind: "reply-delayed", ms: 500 })
    const waiting = behindProxy({ signal: controller.signal }).acquire(lock.name)
    waiting.catch(() => undefined)
    await until(async () => {
      expect(await hand.waiters()).toHaveLength(1)
    })
    controller.abort("enough")
    await expect(waiting).rejects.toBe("enough")
    await until(async () => {
      expect(await hand.waiters()).toEqual([])
    })
    await lock.release()
    await expectFree(hand)
  })
}
