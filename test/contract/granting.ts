// The contract of a grant: the fields of a lock, the value of its key, and the results under contention.
import { expect, test } from "vitest"
import { LockTimeoutError } from "../../src/index.js"
import { rejection } from "../support/outcomes.js"
import type { Lab } from "./lab.js"

export function granting(lab: () => Lab): void {
  test("a grant is a key that holds the lock's token and expires with its ttl", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name(), { ttl: "20s", renew: false })
    expect(await command("GET", `lock:${lock.name}`)).toBe(lock.token)
    const pttl = Number(await command("PTTL", `lock:${lock.name}`))
    expect(pttl).toBeGreaterThan(15_000)
    expect(pttl).toBeLessThanOrEqual(20_000)
  })

  test("a lock knows its name, its mode and its remaining validity", async () => {
    const { locks, name } = lab()
    const asked = name()
    const sentAt = Date.now()
    const lock = await locks({ clientId: "me" }).acquire(asked, { ttl: "10s", renew: false })
    const { remainingMs } = lock
    expect(lock).toMatchObject({ name: asked, mode: "exclusive", fencingToken: undefined })
    // On a quorum the number of the attempt follows.
    expect(lock.token).toMatch(/^fl_me_[A-Za-z0-9_-]{24}(-\d+)?$/)
    // Never longer than the ttl since the request was sent, less the drift.
    expect(lock.expiresAtMs).toBeGreaterThanOrEqual(sentAt + 10_000 - 100 - 2 - 1)
    expect(lock.expiresAtMs).toBeLessThanOrEqual(Date.now() + 10_000 - 100 - 2)
    expect(remainingMs).toBeLessThanOrEqual(10_000 - 100 - 2)
    expect(remainingMs).toBeGreaterThan(5_000)
    expect(lock.signal.aborted).toBe(false)
  })

  test("the JSON of a lock contains nothing secret", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name(), { fencing: true })
    const { fencingToken, expiresAtMs } = lock
    expect(JSON.parse(JSON.stringify(lock))).toEqual({
      name: lock.name,
      mode: "exclusive",
      fencingToken,
      expiresAtMs,
    })
  })

  test("two calls never create the same token", async () => {
    const { locks, name } = lab()
    const manager = locks()
    const granted = await Promise.all(Array.from({ length: 20 }, () => manager.acquire(name())))
    expect(new Set(granted.map(({ token }) => token)).size).toBe(20)
  })

  test("the prefix comes before the name", async () => {
    const { locks, command, name } = lab()
    const lock = await locks({ prefix: "app:" }).acquire(name())
    expect(await command("GET", `app:${lock.name}`)).toBe(lock.token)
    expect(await command("EXISTS", `lock:${lock.name}`)).toBe(0)
  })

  test("tryAcquire returns null while another caller holds the lock, and leaves the lock untouched", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name())
    expect(await locks().tryAcquire(lock.name)).toBeNull()
    expect(await locks({ wait: "5s" }).tryAcquire(lock.name)).toBeNull()
    expect(await locks().tryAcquire(lock.name, { fencing: true })).toBeNull()
    expect(await command("GET", `lock:${lock.name}`)).toBe(lock.token)
  })

  test("two calls of the same manager exclude each other", async () => {
    const { locks, name } = lab()
    const manager = locks()
    const lock = await manager.acquire(name())
    expect(await manager.tryAcquire(lock.name)).toBeNull()
    await lock.release()
    expect(await manager.tryAcquire(lock.name)).not.toBeNull()
  })

  test("acquire with no wait throws LockTimeoutError at once", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name())
    const error = await rejection(locks().acquire(lock.name, { wait: 0 }))
    expect(error).toBeInstanceOf(LockTimeoutError)
    expect(error).toMatchObject({
      name: "LockTimeoutError",
      code: "timeout",
      lockName: lock.name,
    })
    // Half of the default wait.
    expect((error as LockTimeoutError).waitedMs).toBeLessThan(5_000)
    expect((error as LockTimeoutError).message).toContain(JSON.stringify(lock.name))
  })

  test("exactly one of fifty concurrent tries gets the lock", async () => {
    const { locks, name } = lab()
    const wanted = name()
    const tries = Array.from({ length: 50 }, () => locks().tryAcquire(wanted))
    const granted = (await Promise.all(tries)).filter((lock) => lock !== null)
    expect(granted).toHaveLength(1)
  })

  test("critical sections never overlap", async () => {
    const { locks, name } = lab()
    const wanted = name()
    let inside = 0
    let overlaps = 0
    const visit = () =>
      locks().request(wanted, { wait: "60s", interval: 10 }, async () => {
        if (++inside > 1) overlaps++
        await new Promise((resolve) => setTimeout(resolve, 5))
        inside--
      })
    await Promise.all(Array.from({ length: 12 }, visit))
    expect(overlaps).toBe(0)
  })
}
