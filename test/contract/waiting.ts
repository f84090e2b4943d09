// The contract of waiting: when it ends, and that it leaves nothing behind.
import { expect, test } from "vitest"
import { LockTimeoutError } from "../../src/index.js"
import { durationOf, recorder, rejection, until } from "../support/outcomes.js"
import { always } from "../support/fault-proxy.js"
import type { Lab } from "./lab.js"

/** No pause between two checks is longer than this. */
const LONGEST_PAUSE = 2_000
/** The delay that a busy machine may add. */
const SLACK = 1_000

export function waiting(lab: () => Lab): void {
  test("a waiter gets the lock soon after its release", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name())
    const { events, onEvent, of } = recorder()
    const waiting = locks({ onEvent }).acquire(lock.name, { wait: "30s" })
    await until(() => of("queued").length === 1)
    await lock.release()
    expect(await durationOf(waiting)).toBeLessThan(LONGEST_PAUSE + SLACK)
    const next = await waiting
    expect(next.remainingMs).toBeGreaterThan(0)
    expect(events.map(({ type }) => type)).toEqual(["queued", "granted"])
  })

  test("a waiter gets the lock as soon as a dead holder's key has expired", async () => {
    const { locks, command, name } = lab()
    const dead = await locks().acquire(name(), { ttl: 1_200, renew: false })
    const startedAt = performance.now()
    const left = Number(await command("PTTL", `lock:${dead.name}`))
    const next = await locks().acquire(dead.name, { wait: "30s" })
    const waited = performance.now() - startedAt
    // Not before it has expired, and without a whole pause on top. Clocks are rounded by a millisecond.
    expect(waited).toBeGreaterThanOrEqual(left - 1)
    expect(waited).toBeLessThan(left + SLACK)
    expect(next.signal.aborted).toBe(false)
  })

  test("waiting ends with LockTimeoutError when its time is up, not before and not much later", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name())
    const waiting = locks().acquire(lock.name, { wait: 400 })
    const waited = await durationOf(waiting)
    const error = (await rejection(waiting)) as LockTimeoutError
    expect(error).toBeInstanceOf(LockTimeoutError)
    expect(waited).toBeGreaterThanOrEqual(399)
    expect(waited).toBeLessThan(400 + SLACK)
    expect(error.waitedMs).toBeGreaterThanOrEqual(399)
    expect(error.requests).toBeGreaterThan(1)
  })

  test("an abort ends a waiter's sleep with the signal's reason, at once", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name())
    const { onEvent, of } = recorder()
    const controller = new AbortController()
    const reason = new Error("enough")
    const { signal } = controller
    const waiting = rejection(locks({ onEvent }).acquire(lock.name, { interval: "1m", signal }))
    await until(() => of("queued").length === 1)
    controller.abort(reason)
    expect(await durationOf(waiting)).toBeLessThan(SLACK)
    expect(await waiting).toBe(reason)
  })

  test("an abort while the request is in flight rejects at once, and leaves no key behind", async () => {
    const { proxied, command, name } = lab()
    const { proxy, locks } = await proxied()
    const wanted = name()
    proxy.plan = always("claim", { kind: "reply-delayed", ms: 1_500 })
    const controller = new AbortController()
    const { signal } = controller
    const waiting = rejection(locks({ keyLocking: false }).acquire(wanted, { signal }))
    await until(() => proxy.log[0]?.answers.length === 1)
    expect(await command("EXISTS", `lock:${wanted}`)).toBe(1)
    controller.abort()
    expect(await durationOf(waiting)).toBeLessThan(1_000)
    expect(await waiting).toBe(signal.reason)
    await until(async () => (await command("EXISTS", `lock:${wanted}`)) === 0)
  })

  test("a signal that has already aborted costs no request", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const signal = AbortSignal.abort("no")
    expect(await rejection(locks().acquire(name(), { signal }))).toBe("no")
    expect(await rejection(locks({ signal }).tryAcquire(name()))).toBe("no")
    expect(await rejection(locks({ signal }).request(name(), () => undefined))).toBe("no")
    expect(proxy.log).toEqual([])
  })

  test("an abort after the grant changes nothing", async () => {
    const { locks, command, name } = lab()
    const controller = new AbortController()
    const lock = await locks().acquire(name(), { signal: controller.signal })
    controller.abort()
    expect(lock.signal.aborted).toBe(false)
    expect(await command("GET", `lock:${lock.name}`)).toBe(lock.token)
    await lock.extend()
    expect(await lock.release()).toBe("released")
  })

  test("a wait costs no more requests than its budget", async () => {
    const { proxied, locks, name } = lab()
    const lock = await locks().acquire(name())
    const through = await proxied()
    const options = { wait: "60s", interval: 10, maxRequests: 4 } as const
    const error = await rejection(through.locks({ keyLocking: false }).acquire(lock.name, options))
    expect(error).toBeInstanceOf(LockTimeoutError)
    expect(error).toMatchObject({ requests: 4 })
    expect(through.proxy.log).toHaveLength(4)
  })

  test("a spin lock waits its interval before each further attempt", async () => {
    const { proxied, locks, name } = lab()
    const lock = await locks().acquire(name())
    const { proxy, locks: spinning } = await proxied()
    const options = { wait: "60s", interval: 200, maxRequests: 5 } as const
    const error = await rejection(spinning({ keyLocking: false }).acquire(lock.name, options))
    expect(error).toMatchObject({ requests: 5 })
    // Timers may be early by up to one millisecond.
    expect((error as LockTimeoutError).waitedMs).toBeGreaterThanOrEqual(4 * 199)
    expect(proxy.log).toHaveLength(5)
  })

  test("an unlimited wait ends with the grant", async () => {
    const { locks, name } = lab()
    const dead = await locks().acquire(name(), { ttl: 1_200, renew: false })
    const lock = await locks().acquire(dead.name, { wait: Infinity })
    expect(lock.remainingMs).toBeGreaterThan(0)
  })
}
