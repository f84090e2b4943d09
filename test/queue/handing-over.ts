// The queue without failures: order, direct hand-off, the lease, and the cost.
import { expect, test } from "vitest"
import type { Lab } from "../contract/lab.js"
import { always, nothing } from "../support/fault-proxy.js"
import {
  byHand,
  enter,
  expectBounded,
  expectFree,
  msUntil,
  SLACK_MS,
  until,
  untilListening,
} from "./line.js"

/** Claim, subscription, look, extension of the lease, release. */
const REQUESTS_PER_SECTION = 5

export function handingOver(lab: () => Lab): void {
  test("grants come in the order of arrival", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name())
    const order: number[] = []
    const served: Promise<unknown>[] = []
    for (let i = 0; i < 6; i++) {
      const { granted, place } = await enter(locks, lock.name)
      expect(place).toBe(i)
      served.push(
        granted.then((mine) => {
          order.push(i)
          return mine.release()
        }),
      )
    }
    await lock.release()
    expect(await Promise.all(served)).toEqual(Array(6).fill("released"))
    expect(order).toEqual([0, 1, 2, 3, 4, 5])
    await expectFree(byHand(lab(), lock.name))
  })

  test("the lock is never free between a holder and the next: its key names the waiter at once", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name())
    const { granted } = await enter(locks, lock.name)
    const hand = byHand(lab(), lock.name)
    expect(await hand.value()).toBe(`${lock.token}+`)
    await lock.release()
    const value = await hand.value()
    expect((await granted).token).toBe(value)
    await expectBounded(hand)
  })

  test("the waiters mark keeps the ttl of the hold", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name(), { ttl: "20s", renew: false })
    await enter(locks, lock.name)
    const hand = byHand(lab(), lock.name)
    expect(await hand.value()).toBe(`${lock.token}+`)
    const left = Number(await command("PTTL", hand.key("lock")))
    expect(left).toBeGreaterThan(15_000)
    expect(left).toBeLessThanOrEqual(20_000)
    expect(await lock.release()).toBe("released")
  })

  test("a lease is extended to the full ttl at once, and a handle without renewal outlives it", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name())
    const { granted } = await enter(locks, lock.name, { renew: false })
    await lock.release()
    const mine = await granted
    const hand = byHand(lab(), lock.name)
    await until(() => {
      expect(mine.remainingMs).toBeGreaterThan(29_000)
    })
    expect(Number(await command("PTTL", hand.key("lock")))).toBeGreaterThan(29_000)
    expect(mine.signal.aborted).toBe(false)
    expect(await mine.release()).toBe("released")
  })

  test("a waiter that times out leaves the queue", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name())
    const { granted } = await enter(locks, lock.name, { wait: 1_500 })
    await expect(granted).rejects.toMatchObject({ name: "LockTimeoutError" })
    const hand = byHand(lab(), lock.name)
    await until(async () => {
      expect(await hand.waiters()).toEqual([])
    })
    expect(await lock.release()).toBe("released")
    await expectFree(hand)
  })

  test("a spin lock with a fixed interval does not stand in the queue", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name())
    const { place, granted } = await enter(locks, lock.name, { interval: 50 })
    const hand = byHand(lab(), lock.name)
    expect(place).toBeUndefined()
    expect(await hand.value()).toBe(lock.token)
    expect(await hand.waiters()).toEqual([])
    await lock.release()
    expect((await granted).remainingMs).toBeGreaterThan(0)
  })

  test.for([1, 2, 3, 4])("a wait costs no more than its budget of %i requests", async (budget) => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: waiting } = await proxied()
    const lock = await locks().acquire(name(), { ttl: 2_000, renew: true })
    const error = waiting({ ttl: 2_000, wait: "20s", maxRequests: budget }).acquire(lock.name)
    await expect(error).rejects.toMatchObject({ name: "LockTimeoutError", requests: budget })
    await proxy.settled().catch(() => undefined)
    // The leave is not part of the wait.
    await until(() => {
      expect(proxy.log.length - proxy.seen("release").length).toBe(budget)
    })
    await lock.release()
  })
}

/** Tests only for waiters that receive their grant by message. */
export function handingOverByPush(lab: () => Lab): void {
  test("a waiter enters its critical section without sending anything first", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: waiting } = await proxied()
    const lock = await locks().acquire(name())
    const { granted, events } = await enter(waiting, lock.name)
    await untilListening(proxy)
    const before = proxy.log.length
    // Every request after the grant hangs: that must not matter for the grant.
    proxy.plan = always("extend", { kind: "hang", executed: false, after: "nothing" })
    const releasedAt = performance.now()
    await lock.release()
    expect(await msUntil(granted, releasedAt)).toBeLessThan(SLACK_MS)
    const mine = await granted
    expect(mine.remainingMs).toBeGreaterThan(0)
    expect(mine.signal.aborted).toBe(false)
    expect(events.filter(({ type }) => type === "renewed")).toEqual([])
    await until(() => {
      expect(proxy.log).toHaveLength(before + 1)
    })
    expect(proxy.log.flatMap(({ operations }) => operations)).toEqual([
      "claim",
      "SUBSCRIBE",
      "readHold",
      "extend",
    ])
    proxy.plan = nothing
    await mine.release()
  })

  test.for([3, 12])(
    "a contended critical section costs five requests among %i waiters",
    async (n) => {
      const { locks, proxied, name } = lab()
      const { proxy, locks: waiting } = await proxied()
      const lock = await locks().acquire(name())
      const served: Promise<unknown>[] = []
      for (let i = 0; i < n; i++) {
        const { granted } = await enter(waiting, lock.name)
        served.push(
          granted.then(async (mine) => {
            await until(() => {
              expect(mine.remainingMs).toBeGreaterThan(29_000)
            })
            return mine.release()
          }),
        )
      }
      await lock.release()
      await Promise.all(served)
      expect(proxy.log).toHaveLength(n * REQUESTS_PER_SECTION)
    },
  )

  test("waiters of one manager share a stream, so each needs two requests less", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: waiting } = await proxied()
    const lock = await locks().acquire(name())
    const manager = waiting()
    const visit = async () => {
      const mine = await manager.acquire(lock.name)
      await until(() => {
        expect(mine.remainingMs).toBeGreaterThan(29_000)
      })
      await mine.release()
    }
    const visits = [visit()]
    await untilListening(proxy)
    for (let i = 1; i < 12; i++) visits.push(visit())
    await until(async () => {
      expect((await manager.inspect(lock.name)).waiting).toBe(12)
    })
    const inspections = proxy.seen("inspect").length
    await lock.release()
    await Promise.all(visits)
    expect(proxy.seen("SUBSCRIBE")).toHaveLength(1)
    const requests = proxy.log.flatMap(({ operations }) => operations).length - inspections
    expect(requests).toBe(12 * (REQUESTS_PER_SECTION - 2) + 2)
  })

  test("a grant is not missed if another waiter opens their stream while the first request is under way", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: waiting } = await proxied()
    const [lock, other] = [await locks().acquire(name()), await locks().acquire(name())]
    const manager = waiting()
    // Its reply comes after the stream has opened and the lock was handed over.
    proxy.plan = ({ index }) => (index === 0 ? { kind: "reply-delayed", ms: 500 } : undefined)
    const granted = manager.acquire(lock.name)
    await until(async () => (await locks().inspect(lock.name)).waiting === 1)
    const opening = manager.acquire(other.name)
    await untilListening(proxy)
    await lock.release()
    const releasedAt = performance.now()
    const mine = await granted
    // Much sooner than its first check.
    expect(performance.now() - releasedAt).toBeLessThan(2_000)
    await Promise.all([mine.release(), other.release()])
    await (await opening).release()
  })

  test("a long wait costs as many requests as a short one", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: waiting } = await proxied()
    const lock = await locks().acquire(name())
    const { granted } = await enter(waiting, lock.name)
    // Longer than a polling waiter goes without a check.
    await new Promise((resolve) => setTimeout(resolve, 4_000))
    await lock.release()
    const mine = await granted
    await until(() => {
      expect(mine.remainingMs).toBeGreaterThan(29_000)
    })
    await mine.release()
    expect(proxy.log).toHaveLength(REQUESTS_PER_SECTION)
  })

  test("the stream of a waiter is closed after a grant, a timeout and an abort", async () => {
    const { locks, command, proxied, name } = lab()
    const { proxy, locks: waiting } = await proxied()
    const lock = await locks().acquire(name())
    const listeners = async () => {
      const channels = proxy.seen("SUBSCRIBE").map(({ commands }) => commands[0]?.[1] ?? "")
      const numbers = (await command("PUBSUB", "NUMSUB", ...channels)) as unknown[]
      return channels.map((_, i) => Number(numbers[2 * i + 1]))
    }
    const controller = new AbortController()
    const first = await enter(waiting, lock.name)
    const second = await enter(waiting, lock.name, { wait: 2_500 })
    const third = await enter(waiting, lock.name, { signal: controller.signal })
    await until(async () => {
      expect(await listeners()).toEqual([1, 1, 1])
    })
    controller.abort("enough")
    await expect(third.granted).rejects.toBe("enough")
    await until(async () => {
      expect(await listeners()).toEqual([1, 1, 0])
    })
    await expect(second.granted).rejects.toMatchObject({ name: "LockTimeoutError" })
    await until(async () => {
      expect(await listeners()).toEqual([1, 0, 0])
    })
    await lock.release()
    await (await first.granted).release()
    await until(async () => {
      expect(await listeners()).toEqual([0, 0, 0])
    })
    await expectFree(byHand(lab(), lock.name))
  })
}
