// Waiters that give up: an abort and a deadline, with the grant already on its way.
import { expect, test } from "vitest"
import { LockTimeoutError } from "../../src/index.js"
import { sleep } from "../../src/time/timers.js"
import type { Lab } from "../contract/lab.js"
import { always, nothing } from "../support/fault-proxy.js"
import { rejection } from "../support/outcomes.js"
import { waiterByHand } from "../support/waiter-by-hand.js"
import { byHand, enter, expectFree, LONGEST_POLL_MS, msUntil, SLACK_MS, until } from "./line.js"

export function givingUp(lab: () => Lab): void {
  test("an aborted waiter whose grant is already on its way hands the lock on at once", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: behindProxy } = await proxied()
    const lock = await locks().acquire(name())
    const hand = byHand(lab(), lock.name)
    const controller = new AbortController()
    // Its grant is lost on the way, or arrives late.
    proxy.plan = always("SUBSCRIBE", { kind: "stream-stalled", after: "confirmation" })
    const first = await enter(behindProxy, lock.name, { signal: controller.signal })
    const second = await enter(locks, lock.name)
    proxy.plan = always("acquire", { kind: "reply-delayed", ms: 300 })
    await lock.release()
    expect(await hand.value()).toMatch(/\+$/)
    controller.abort("enough")
    const endedAt = performance.now()
    await expect(first.granted).rejects.toBe("enough")
    expect(await msUntil(second.granted, endedAt)).toBeLessThan(300 + LONGEST_POLL_MS + SLACK_MS)
    proxy.plan = nothing
    await (await second.granted).release()
    await expectFree(hand)
  })

  test("a waiter that gives up in the middle of the queue delays no one", async () => {
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

  test("an abort during the enqueue leaves no place behind", async () => {
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

/** Tests only for waiters that receive their grant by message. */
export function givingUpByPush(lab: () => Lab): void {
  test("a grant that crosses the abort of its waiter goes to the next waiter at once", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: behindProxy } = await proxied()
    const lock = await locks().acquire(name())
    const hand = byHand(lab(), lock.name)
    const controller = new AbortController()
    proxy.plan = always("SUBSCRIBE", { kind: "stream-stalled", after: "confirmation" })
    const first = await enter(behindProxy, lock.name, { signal: controller.signal })
    const second = await enter(locks, lock.name)
    await lock.release()
    const handedTo = await hand.value()
    controller.abort("enough")
    expect(await rejection(first.granted)).toBe("enough")
    const endedAt = performance.now()
    // Far less than the lease of the waiter that gave up.
    expect(await msUntil(second.granted, endedAt)).toBeLessThan(SLACK_MS)
    const mine = await second.granted
    expect(handedTo).not.toContain(mine.token)
    await mine.release()
    await expectFree(hand)
  })

  test("a grant that is lost on the way is found when the wait is over", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: behindProxy } = await proxied()
    const lock = await locks().acquire(name())
    const hand = byHand(lab(), lock.name)
    proxy.plan = always("SUBSCRIBE", { kind: "stream-stalled", after: "confirmation" })
    const startedAt = performance.now()
    const { granted } = await enter(behindProxy, lock.name, { wait: 2_500 })
    // Later than this the lease lasts until then.
    await sleep(1_500 - (performance.now() - startedAt))
    await lock.release()
    const mine = await granted
    expect(performance.now() - startedAt).toBeLessThan(2_500 + SLACK_MS)
    expect(proxy.seen("acquire: check")).toHaveLength(1)
    await mine.release()
    await expectFree(hand)
  })
}

/** Tests only for waiters that poll. */
export function givingUpByPolling(lab: () => Lab): void {
  test("a waiter checks once more when its wait is over", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: behindProxy } = await proxied()
    const lock = await locks().acquire(name())
    const hand = byHand(lab(), lock.name)
    for (let i = 0; i < 10; i++) await hand.enqueue(waiterByHand())
    // So far back that it checks seldom.
    const waiting = enter(behindProxy, lock.name, { wait: 2_000 })
    const startedAt = performance.now()
    const error = await rejection((await waiting).granted)
    expect(error).toBeInstanceOf(LockTimeoutError)
    const last = proxy.seen("acquire").at(-1)
    expect((last?.atMs ?? 0) - startedAt).toBeGreaterThan(1_900)
  })

  test("a waiter whose wait is over does not enter the queue again", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: behindProxy } = await proxied()
    const lock = await locks().acquire(name())
    const hand = byHand(lab(), lock.name)
    const { granted } = await enter(behindProxy, lock.name, { wait: 2_000 })
    // It learns that it is no longer in the queue when its wait is over.
    proxy.plan = always("acquire", { kind: "reply-delayed", ms: 2_500 })
    await lab().command("DEL", hand.key("queue"))
    expect(await rejection(granted)).toBeInstanceOf(LockTimeoutError)
    expect(proxy.seen("claim")).toHaveLength(1)
    expect(proxy.seen("acquire: enqueue")).toEqual([])
    expect(proxy.seen("acquire: check").length).toBeGreaterThan(0)
    await lock.release()
  })
}
