// A manager that goes down while it holds permits, shared locks and groups, or waits for them.
import { expect, test } from "vitest"
import { LockClosedError, LockTimeoutError } from "../../src/index.js"
import type { Lab } from "../contract/lab.js"
import { recorder, rejection, until } from "../support/outcomes.js"

export function closing(lab: () => Lab): void {
  test("permits, shared holds and groups are released together", async () => {
    const { locks, name } = lab()
    const manager = locks()
    const [permits, shared, one, two] = [name(), name(), name(), name()]
    const permit = await manager.semaphore(permits, 1).acquire()
    const reader = await manager.acquire(shared, { mode: "shared" })
    const group = await manager.acquireAll([one, two])
    expect(await manager.releaseAll()).toEqual({ released: 4, failed: 0 })
    for (const { signal } of [permit, reader, group]) {
      expect(signal.reason).toMatchObject({ code: "lost", reason: "released" })
    }
    expect(await locks().semaphore(permits, 1).tryAcquire()).not.toBeNull()
    for (const each of [shared, one, two]) expect(await locks().tryAcquire(each)).not.toBeNull()
    expect(await rejection(manager.semaphore(permits, 1).acquire())).toBeInstanceOf(LockClosedError)
  })

  test("a call for several locks that waits for one of them is closed, and gives back the others", async () => {
    const { locks, name } = lab()
    const [first, second] = [name(), name()].sort() as [string, string]
    const holder = await locks().acquire(second)
    const { onEvent, of } = recorder()
    const manager = locks({ onEvent })
    const all = manager.acquireAll([first, second], { wait: "1m" })
    all.catch(() => undefined)
    await until(() => of("queued").length === 1)
    await manager.releaseAll()
    expect(await rejection(all)).toBeInstanceOf(LockClosedError)
    expect(await locks().tryAcquire(first)).not.toBeNull()
    expect((await locks().inspect(second)).waiting).toBe(0)
    await holder.release()
  })

  test("a timeout says that this manager holds a permit, or a shared lock", async () => {
    const { locks, name } = lab()
    const manager = locks()
    const [permits, shared] = [name(), name()]
    // Handles that are dropped do not count.
    const held = [
      await manager.semaphore(permits, 1).acquire(),
      await manager.acquire(shared, { mode: "shared" }),
    ]
    const errors = [
      await rejection(manager.semaphore(permits, 1).acquire({ wait: 0 })),
      await rejection(manager.acquire(shared, { wait: 0 })),
    ] as LockTimeoutError[]
    expect(errors.map(({ isHeldByThisManager }) => isHeldByThisManager)).toEqual([true, true])
    for (const lock of held) expect(await lock.release()).toBe("released")
  })

  test("all of its holds are released with one request", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const manager = locks({ keyLocking: false })
    const held = []
    while (held.length < 5) held.push(await manager.acquire(name()))
    const before = proxy.log.length
    expect(await manager.releaseAll()).toEqual({ released: 5, failed: 0 })
    const requests = proxy.log.slice(before).map(({ operations }) => operations)
    expect(requests).toEqual([Array(5).fill("release")])
    expect(held.map(({ signal }) => signal.aborted)).toEqual(Array(5).fill(true))
  })
}
