// The contract of inspect: its result, and that it changes nothing.
import { expect, test } from "vitest"
import { LockBackendError } from "../../src/index.js"
import { everything } from "../support/fault-proxy.js"
import { rejection, until } from "../support/outcomes.js"
import { holdAsStranger, type Lab } from "./lab.js"

export function inspecting(lab: () => Lab): void {
  test("inspect distinguishes a free lock from a held one and counts the waiters, in one request", async () => {
    const { locks, proxied, name } = lab()
    const { proxy, locks: watching } = await proxied()
    const own = name()
    const free = { name: own, isHeld: false, remainingMs: 0, waiting: 0 }
    expect(await watching({ keyLocking: false }).inspect(own)).toEqual(free)
    expect(proxy.log).toHaveLength(1)

    const lock = await locks().acquire(own, { ttl: "20s" })
    const gaveUp = new AbortController()
    const { signal } = gaveUp
    const waiters = [1, 2].map(() => rejection(locks().acquire(own, { wait: "20s", signal })))
    await until(async () => (await watching().inspect(own)).waiting === 2)
    const { isHeld, remainingMs } = await watching().inspect(own)
    expect(isHeld).toBe(true)
    expect(remainingMs).toBeGreaterThan(10_000)
    expect(remainingMs).toBeLessThanOrEqual(20_000)

    gaveUp.abort()
    await Promise.all(waiters)
    await until(async () => (await watching().inspect(own)).waiting === 0)
    await lock.release()
    expect(await watching().inspect(own)).toEqual(free)
  })

  test("inspect reports a foreign hold, with Infinity if it never expires, and reveals no token", async () => {
    const { locks, name } = lab()
    const own = name()
    const value = await holdAsStranger(lab(), own)
    const status = await locks().inspect(own)
    expect(status).toEqual({ name: own, isHeld: true, remainingMs: Infinity, waiting: 0 })
    expect(JSON.stringify(status)).not.toContain(value)
    expect(await lab().command("GET", `lock:${own}`)).toBe(value)
  })

  test("inspect throws if the database fails", async () => {
    const { proxy, locks } = await lab().proxied()
    const status = 200
    proxy.plan = everything({ kind: "replaced", executed: false, status, body: '{"result":[1]}' })
    const error = await rejection(locks().inspect("a"))
    expect(error).toBeInstanceOf(LockBackendError)
    expect(String(error)).toContain('could not inspect "a"')
  })
}
