// The queue when processes die: holders, heads, whole rows of waiters. Each costs a bounded delay.
import { expect, test } from "vitest"
import type { Lab } from "../contract/lab.js"
import { waiterByHand } from "../support/waiter-by-hand.js"
import {
  byHand,
  enter,
  expectBounded,
  expectFree,
  LONGEST_POLL_MS,
  msUntil,
  SLACK_MS,
  untilListening,
} from "./line.js"

/** The delay that a waiter may add to the time that it has to wait for. */
const NOTICE_MS = 250
/** The age of dead waiters: old enough that they count as dead. */
const LONG_AGO_MS = 6_000
/** Waiters further back check later by this in total, at most. */
const STAGGER_MS = 3_000

export function crashing(lab: () => Lab): void {
  test("a crashed holder costs no more than the rest of its ttl", async () => {
    const { locks, command, name } = lab()
    const hand = byHand(lab(), name())
    const wanted = hand.key("lock").slice("lock:".length)
    const dead = waiterByHand()
    const takenAt = performance.now()
    await hand.take(dead.token, 2_000)
    const { granted } = await enter(locks, wanted)
    expect(await msUntil(granted, takenAt)).toBeLessThan(2_000 + NOTICE_MS + SLACK_MS)
    expect(Number(await command("PTTL", hand.key("lock")))).toBeGreaterThan(29_000)
    await (await granted).release()
    await expectFree(hand)
  })

  test("behind a crashed holder all waiters are served in the order of arrival", async () => {
    const { locks, name } = lab()
    const hand = byHand(lab(), name())
    const wanted = hand.key("lock").slice("lock:".length)
    await hand.take(waiterByHand().token, 2_500)
    const order: number[] = []
    const served: Promise<unknown>[] = []
    for (let i = 0; i < 4; i++) {
      const { granted } = await enter(locks, wanted)
      served.push(
        granted.then((mine) => {
          order.push(i)
          return mine.release()
        }),
      )
    }
    await Promise.all(served)
    expect(order).toEqual([0, 1, 2, 3])
    await expectFree(hand)
  })

  test("a crashed waiter at the head costs no more than its lease", async () => {
    const { locks, variant, name } = lab()
    const lock = await locks().acquire(name())
    const hand = byHand(lab(), lock.name)
    const leaseMs = 1_000
    await hand.enqueue(waiterByHand({ leaseMs }))
    const { granted, place } = await enter(locks, lock.name)
    expect(place).toBe(1)
    const releasedAt = performance.now()
    await lock.release()
    const waited = await msUntil(granted, releasedAt)
    // A waiter that is notified as the next one knows when the lease ends; a polling one may have checked just before.
    const notice = variant.push ? NOTICE_MS : LONGEST_POLL_MS
    expect(waited).toBeGreaterThan(leaseMs - 50)
    expect(waited).toBeLessThan(leaseMs + notice + SLACK_MS)
    await (await granted).release()
    await expectFree(hand)
  })

  test("twenty dead waiters in a row delay the queue by at most 30 s after their last sign of life, and one lease", async () => {
    const { locks, name } = lab()
    const wanted = name()
    const hand = byHand(lab(), wanted)
    const [dead, leaseMs, lifeMs] = [20, 1_000, 4_000]
    const rows = Array.from({ length: dead }, (_, i) =>
      hand.plant(waiterByHand({ leaseMs }), 30_000 - lifeMs + i),
    )
    await Promise.all(rows)
    const plantedAt = performance.now()
    await hand.take(waiterByHand().token, 3_500)
    const { granted, place } = await enter(locks, wanted)
    expect(place).toBe(dead)
    const waited = await msUntil(granted, plantedAt)
    // Served one by one while they count as alive: the last lease may begin just before that is over.
    expect(waited).toBeLessThan(lifeMs + leaseMs + STAGGER_MS + NOTICE_MS + SLACK_MS)
    await (await granted).release()
    await expectFree(hand)
  })

  test("waiters that died long ago cost no time at all", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name())
    const hand = byHand(lab(), lock.name)
    for (let i = 0; i < 20; i++) await hand.plant(waiterByHand(), 31_000 + i)
    const { granted, place } = await enter(locks, lock.name)
    expect(place).toBe(20)
    const releasedAt = performance.now()
    await lock.release()
    expect(await hand.value()).not.toBeNull()
    expect(await msUntil(granted, releasedAt)).toBeLessThan(LONGEST_POLL_MS + SLACK_MS)
    await (await granted).release()
    await expectFree(hand)
    await expectBounded(hand)
  })
}

/** A waiter that listens need not wait for each dead one. */
export function crashingByPush(lab: () => Lab): void {
  test("many waiters that crash at once cost a listening waiter one lease", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: waiting } = await proxied()
    const lock = await locks().acquire(name())
    const hand = byHand(lab(), lock.name)
    const leaseMs = 1_000
    for (let i = 0; i < 6; i++) await hand.plant(waiterByHand({ leaseMs }), LONG_AGO_MS)
    const { granted, place } = await enter(waiting, lock.name)
    expect(place).toBe(6)
    await untilListening(proxy)
    const releasedAt = performance.now()
    await lock.release()
    const waited = await msUntil(granted, releasedAt)
    expect(waited).toBeGreaterThan(leaseMs - 50)
    expect(waited).toBeLessThan(leaseMs + NOTICE_MS + SLACK_MS)
    await (await granted).release()
    await expectFree(hand)
  })

  test("a holder that crashes with the waiters behind it costs a listening waiter no lease", async () => {
    const { locks, name } = lab()
    const wanted = name()
    const hand = byHand(lab(), wanted)
    const ttlMs = 2_000
    const takenAt = performance.now()
    await hand.take(waiterByHand().token, ttlMs)
    for (let i = 0; i < 6; i++) await hand.plant(waiterByHand(), LONG_AGO_MS)
    const { granted } = await enter(locks, wanted)
    const waited = await msUntil(granted, takenAt)
    expect(waited).toBeGreaterThan(ttlMs - 50)
    expect(waited).toBeLessThan(ttlMs + STAGGER_MS + NOTICE_MS + SLACK_MS)
    await (await granted).release()
    await expectFree(hand)
  })
}
