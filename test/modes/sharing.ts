// Shared holds: readers together, writers alone, all in one queue.
import { expect, test } from "vitest"
import { type Lock, LockTimeoutError } from "../../src/index.js"
import type { Lab } from "../contract/lab.js"
import { byHand, enter, expectBounded, expectFree } from "../queue/line.js"
import { inOrder } from "../support/fault-proxy.js"
import { rejection } from "../support/outcomes.js"
import { waiterByHand } from "../support/waiter-by-hand.js"

const shared = { mode: "shared" } as const

export function sharing(lab: () => Lab): void {
  test("shared holds do not exclude each other, and cost two requests each", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const wanted = name()
    const make = () => locks({ keyLocking: false, ...shared })
    const first = await make().acquire(wanted)
    const second = await make().tryAcquire(wanted)
    expect([first.mode, second?.mode]).toEqual(["shared", "shared"])
    expect(await first.release()).toBe("released")
    expect(await second?.release()).toBe("released")
    expect(proxy.log).toHaveLength(4)
    await expectFree(byHand(lab(), wanted))
  })

  test("a manager that mints fencing tokens by default mints none for shared holds", async () => {
    const { locks, name } = lab()
    const manager = locks({ fencing: true })
    const wanted = name()
    await manager.request(wanted, shared, (lock) => {
      expect(lock.fencingToken).toBeUndefined()
    })
    const asked = manager.request(wanted, { ...shared, fencing: true }, () => undefined)
    expect(String(await rejection(asked))).toMatch(/^TypeError: fencing: only for exclusive holds/)
    await manager.request(wanted, (lock) => {
      expect(lock.fencingToken).toBeGreaterThan(0)
    })
  })

  test("a shared hold excludes an exclusive one, and an exclusive hold excludes a shared one", async () => {
    const { locks, name } = lab()
    const reader = await locks().acquire(name(), shared)
    expect(await locks().tryAcquire(reader.name)).toBeNull()
    await reader.release()
    const writer = await locks().acquire(reader.name)
    expect(await locks().tryAcquire(reader.name, shared)).toBeNull()
    const waiting = locks().acquire(reader.name, { ...shared, wait: 300 })
    expect(await rejection(waiting)).toBeInstanceOf(LockTimeoutError)
    await writer.release()
  })

  test("the lock is held until its last sharer has gone, and no longer", async () => {
    const { locks, command, name } = lab()
    const long = await locks().acquire(name(), { ...shared, ttl: "60s", renew: false })
    const short = await locks().acquire(long.name, { ...shared, ttl: "20s", renew: false })
    const left = async () => Number(await command("PTTL", `lock:${long.name}`))
    expect(await left()).toBeGreaterThan(55_000)
    await long.release()
    // The remaining time of the sharer that has gone is not that of the others.
    expect(await left()).toBeLessThanOrEqual(20_000)
    expect(await locks().tryAcquire(long.name)).toBeNull()
    await short.extend("60s")
    expect(await left()).toBeGreaterThan(55_000)
    await short.release()
    await expectFree(byHand(lab(), long.name))
  })

  test("a waiting writer is not starved by readers that come later", async () => {
    const { locks, name } = lab()
    const reader = await locks().acquire(name(), shared)
    const writer = await enter(locks, reader.name)
    expect(await locks().tryAcquire(reader.name, shared)).toBeNull()
    const late = await enter(locks, reader.name, shared)
    const order: string[] = []
    const visit = async (who: string, granted: Promise<Lock>) => {
      const lock = await granted
      order.push(who)
      await lock.release()
    }
    const served = [visit("writer", writer.granted), visit("reader", late.granted)]
    await reader.release()
    await Promise.all(served)
    expect(order).toEqual(["writer", "reader"])
    await expectFree(byHand(lab(), reader.name))
  })

  test("a writer's release lets in all readers behind it together, and none behind the next writer", async () => {
    const { locks, name } = lab()
    const writer = await locks().acquire(name())
    const readers = [
      await enter(locks, writer.name, shared),
      await enter(locks, writer.name, shared),
      await enter(locks, writer.name, shared),
    ]
    const next = await enter(locks, writer.name)
    const behind = await enter(locks, writer.name, shared)
    await writer.release()
    const inside = await Promise.all(readers.map(({ granted }) => granted))
    expect(inside.map(({ remainingMs }) => remainingMs > 0)).toEqual([true, true, true])
    const hand = byHand(lab(), writer.name)
    expect(await hand.waiters()).toHaveLength(2)
    await Promise.all(inside.map((lock) => lock.release()))
    await (await next.granted).release()
    await (await behind.granted).release()
    await expectFree(hand)
    await expectBounded(hand)
  })

  test("a writer that gives up lets in the readers behind it", async () => {
    const { locks, name } = lab()
    const reader = await locks().acquire(name(), shared)
    const controller = new AbortController()
    const writer = await enter(locks, reader.name, { signal: controller.signal })
    const behind = await enter(locks, reader.name, shared)
    controller.abort("enough")
    await expect(writer.granted).rejects.toBe("enough")
    const lock = await behind.granted
    expect(reader.remainingMs).toBeGreaterThan(0)
    await lock.release()
    await reader.release()
    await expectFree(byHand(lab(), reader.name))
  })

  test("a writer that died while it waited does not keep readers out", async () => {
    const { locks, command, name } = lab()
    const reader = await locks().acquire(name(), shared)
    const hand = byHand(lab(), reader.name)
    await hand.enqueue(waiterByHand())
    expect(await hand.value()).toMatch(/\+$/)
    await command("DEL", hand.key("queue"))
    await hand.plant(waiterByHand(), 31_000)
    const other = await locks().acquire(reader.name, { ...shared, wait: "5s" })
    await other.release()
    await reader.release()
    await expectFree(hand)
  })

  test("behind a crashed reader a writer waits for the rest of its ttl", async () => {
    const { locks, name } = lab()
    const crashed = await locks().acquire(name(), { ...shared, ttl: "2s", renew: false })
    const startedAt = performance.now()
    const writer = await enter(locks, crashed.name)
    await writer.granted
    expect(performance.now() - startedAt).toBeGreaterThan(1_500)
    expect(performance.now() - startedAt).toBeLessThan(6_500)
    await (await writer.granted).release()
  })

  test("a reader that renews its hold keeps writers out", async () => {
    const { locks, name } = lab()
    const reader = await locks().acquire(name(), { ...shared, ttl: "2s", renew: true })
    const waiting = locks().acquire(reader.name, { wait: "5s" })
    expect(await rejection(waiting)).toBeInstanceOf(LockTimeoutError)
    expect(reader.remainingMs).toBeGreaterThan(0)
    expect(await reader.release()).toBe("released")
  })

  test("an expired hold is gone, even if others still share the lock", async () => {
    const { locks, name, command } = lab()
    const lasting = await locks().acquire(name(), shared)
    const over = await locks().acquire(lasting.name, shared)
    await command("ZADD", `{lock:${over.name}}:holders`, "1", over.token)
    expect(await over.release()).toBe("gone")
    const lost = await locks().acquire(over.name, shared)
    await command("ZREM", `{lock:${over.name}}:holders`, lost.token)
    expect(await rejection(lost.extend())).toMatchObject({ code: "lost", reason: "deleted" })
    expect(lost.signal.aborted).toBe(true)
    await lasting.extend()
    await lasting.release()
  })

  test("a shared hold can be transferred to another process and stays shared", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name(), shared)
    const adopted = await locks().adopt(lock.transfer())
    expect(adopted.mode).toBe("shared")
    expect(adopted.remainingMs).toBeGreaterThan(0)
    await adopted.release()
    await expectFree(byHand(lab(), lock.name))
  })

  test("a reader whose reply is lost is let in once, not twice", async () => {
    const { proxied, name, command } = lab()
    const { proxy, locks } = await proxied()
    const wanted = name()
    proxy.plan = inOrder("acquire", { kind: "reply-lost" })
    const lock = await locks({ keyLocking: false }).acquire(wanted, shared)
    expect(await command("ZCARD", `{lock:${wanted}}:holders`)).toBe(1)
    await lock.release()
    await expectFree(byHand(lab(), wanted))
  })

  test("a database that lost the lock's key forgets its sharers", async () => {
    const { locks, name, command } = lab()
    const ghost = await locks().acquire(name(), shared)
    await command("DEL", `lock:${ghost.name}`)
    const reader = await locks().acquire(ghost.name, shared)
    expect(await rejection(ghost.extend())).toMatchObject({ code: "lost" })
    await reader.release()
    await expectFree(byHand(lab(), ghost.name))
  })
}
