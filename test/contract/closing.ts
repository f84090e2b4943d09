// The contract of a manager that goes down: its holds are released, its waiters leave, and nothing is taken afterwards.
import { expect, test } from "vitest"
import { LockClosedError, LockLostError, LockTimeoutError } from "../../src/index.js"
import { everything, nothing } from "../support/fault-proxy.js"
import { acquireAtLast, durationOf, recorder, rejection, until } from "../support/outcomes.js"
import type { Lab } from "./lab.js"

export function closing(lab: () => Lab): void {
  const names = (count: number) => Array.from({ length: count }, () => lab().name())

  test("every open hold is released, its signal says so, and the result counts them", async () => {
    const { locks, name } = lab()
    const { onEvent, of } = recorder()
    const manager = locks({ onEvent })
    const held = await Promise.all(names(3).map((each) => manager.acquire(each)))
    const ended = await manager.acquire(name())
    await ended.release()
    expect(await manager.releaseAll()).toEqual({ released: 3, failed: 0 })
    for (const lock of held) {
      expect(lock.signal.reason).toMatchObject({ name: "LockLostError", reason: "released" })
      expect(lock.remainingMs).toBe(0)
      expect(await locks().tryAcquire(lock.name)).not.toBeNull()
      expect(await lock.release()).toBe("released")
    }
    expect(ended.signal.aborted).toBe(false)
    expect(of("lost").map(({ reason }) => reason)).toEqual(["released", "released", "released"])
    // Each hold ends once.
    expect(of("released").map(({ name: each }) => each)).toEqual([ended.name])
  })

  test("the caller of a request learns that its hold was released, and its callback by the signal", async () => {
    const { locks, name } = lab()
    const manager = locks()
    let reason: unknown
    let isRunning = false
    const requesting = manager.request(name(), async ({ signal }) => {
      isRunning = true
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve)
      })
      reason = signal.reason
    })
    requesting.catch(() => undefined)
    await until(() => isRunning)
    expect(await manager.releaseAll()).toEqual({ released: 1, failed: 0 })
    expect(await rejection(requesting)).toMatchObject({ code: "lost", reason: "released" })
    expect(reason).toBeInstanceOf(LockLostError)
  })

  test("a caller that waits is rejected at once, and leaves nothing behind", async () => {
    const { locks, name, variant } = lab()
    const own = name()
    const holder = await locks().acquire(own)
    const { onEvent, of } = recorder()
    const manager = locks({ onEvent })
    const waiting = manager.acquire(own, { wait: "1m" })
    waiting.catch(() => undefined)
    await until(() => of("queued").length === 1)
    if (variant.hasQueue) await until(async () => (await locks().inspect(own)).waiting === 1)
    expect(await manager.releaseAll()).toEqual({ released: 0, failed: 0 })
    expect(await rejection(waiting)).toMatchObject({
      name: "LockClosedError",
      code: "closed",
      lockName: own,
      message: `${JSON.stringify(own)} was not acquired: the manager is closed`,
    })
    if (variant.hasQueue) expect((await locks().inspect(own)).waiting).toBe(0)
    await holder.release()
    expect(await locks().tryAcquire(own)).not.toBeNull()
  })

  test("a caller that tries at fixed intervals is rejected as well", async () => {
    const { locks, name } = lab()
    const holder = await locks().acquire(name())
    const { onEvent, of } = recorder()
    const manager = locks({ onEvent })
    const waiting = manager.acquire(holder.name, { wait: "1m", interval: 50 })
    waiting.catch(() => undefined)
    await until(() => of("queued").length === 1)
    await manager.releaseAll()
    expect(await rejection(waiting)).toBeInstanceOf(LockClosedError)
    expect(await holder.release()).toBe("released")
  })

  test("a grant that was on its way is given back before the manager is closed", async () => {
    const { proxied, locks: others, command, name } = lab()
    const { proxy, locks } = await proxied()
    const manager = locks()
    const own = name()
    proxy.plan = everything({ kind: "reply-delayed", ms: 300 })
    const acquiring = manager.acquire(own)
    acquiring.catch(() => undefined)
    await until(async () => (await command("EXISTS", `lock:${own}`)) === 1)
    await manager.releaseAll()
    expect(await rejection(acquiring)).toBeInstanceOf(LockClosedError)
    expect(await others().tryAcquire(own)).not.toBeNull()
  })

  test("afterwards, every call that would take a lock is rejected, and sends nothing", async () => {
    const { proxied, locks: others, name } = lab()
    const { proxy, locks } = await proxied()
    const manager = locks()
    await manager.releaseAll()
    const own = name()
    const transfer = (await others().acquire(own)).transfer()
    const calls = [
      manager.acquire(own),
      manager.tryAcquire(own),
      manager.request(own, () => "ran"),
      manager.request(own, { ifAvailable: true }, () => "ran"),
      manager.acquireAll([own, name()]),
      manager.adopt(transfer),
    ]
    for (const call of calls) {
      expect(await rejection(call)).toMatchObject({ name: "LockClosedError", code: "closed" })
    }
    expect(proxy.log).toHaveLength(0)
    // The hold that was not adopted is still there.
    const adopted = await others().adopt(transfer)
    expect(await adopted.release()).toBe("released")
  })

  test("holds that were kept or transferred stay", async () => {
    const { locks, name } = lab()
    const manager = locks()
    const kept = await manager.acquire(name())
    await kept.keep("1m")
    const transferred = await manager.acquire(name())
    const transfer = transferred.transfer()
    expect(await manager.releaseAll()).toEqual({ released: 0, failed: 0 })
    expect(await locks().tryAcquire(kept.name)).toBeNull()
    expect(await (await locks().adopt(transfer)).release()).toBe("released")
    expect(await kept.release()).toBe("released")
  })

  test("a hold that is gone or taken by then counts as released, and a lost one not at all", async () => {
    const { locks, command, name } = lab()
    const manager = locks()
    const gone = await manager.acquire(name())
    await command("DEL", `lock:${gone.name}`)
    const lost = await acquireAtLast(manager, name(), { ttl: 500, renew: false })
    await until(() => lost.signal.aborted)
    expect(await manager.releaseAll()).toEqual({ released: 1, failed: 0 })
  })

  test("a database that cannot be reached makes it neither throw nor hang: the holds count as failed", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const manager = locks({ timeout: "2s" })
    await acquireAtLast(manager, name(), { ttl: "1m" })
    proxy.plan = everything({ kind: "hang", executed: false, after: "nothing" })
    const closing = manager.releaseAll()
    expect(await durationOf(closing)).toBeLessThan(10_000)
    expect(await closing).toEqual({ released: 0, failed: 1 })
    proxy.plan = nothing
  })

  test("further calls return the same result and send nothing", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const manager = locks({ keyLocking: false })
    await manager.acquire(name())
    const both = await Promise.all([manager.releaseAll(), manager.releaseAll()])
    expect([...both, await manager.releaseAll()]).toEqual(Array(3).fill({ released: 1, failed: 0 }))
    const sent = proxy.log.flatMap(({ operations }) => operations)
    await manager[Symbol.asyncDispose]()
    expect(proxy.log.flatMap(({ operations }) => operations)).toEqual(sent)
  })

  test("a manager may be declared with `await using`", async () => {
    const { locks, name } = lab()
    const own = name()
    {
      await using manager = locks()
      await manager.acquire(own)
    }
    expect(await locks().tryAcquire(own)).not.toBeNull()
  })

  test("a timeout says whether this manager itself holds the lock", async () => {
    const { locks, name } = lab()
    const manager = locks()
    const own = name()
    const nested = manager.request(own, () => manager.acquire(own, { wait: 50 }))
    const error = (await rejection(nested)) as LockTimeoutError
    expect(error).toBeInstanceOf(LockTimeoutError)
    expect(error.isHeldByThisManager).toBe(true)
    expect(error.message).toMatch(/ is held by this manager \(waited \d+ ms\)$/)
    const holder = await locks().acquire(own)
    const other = (await rejection(manager.acquire(own, { wait: 50 }))) as LockTimeoutError
    expect(other.isHeldByThisManager).toBe(false)
    expect(other.message).toMatch(/ is held by another caller \(waited \d+ ms\)$/)
    await holder.release()
  })
}
