// The contract of a hold: extend, keep, transfer, adopt, renewal.
import { expect, test } from "vitest"
import { LockLostError, type LockTransfer } from "../../src/index.js"
import { abortion, recorder, rejection, until } from "../support/outcomes.js"
import { holdAsStranger, type Lab } from "./lab.js"

/** The reason of the rejection, which is a `LockLostError`. */
async function lossOf(promise: Promise<unknown>): Promise<string> {
  const error = await rejection(promise)
  expect(error).toBeInstanceOf(LockLostError)
  return (error as LockLostError).reason
}

export function holding(lab: () => Lab): void {
  const pttl = async (name: string) => Number(await lab().command("PTTL", `lock:${name}`))

  test("extend makes the hold last for its ttl again, or for another ttl", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name(), { ttl: "5s", renew: false })
    await lock.extend("20s")
    expect(await pttl(lock.name)).toBeGreaterThan(15_000)
    expect(lock.remainingMs).toBeGreaterThan(15_000)
    expect(lock.remainingMs).toBeLessThanOrEqual(20_000 - 200 - 2)
    const again = await locks().acquire(name(), { ttl: "3s", renew: false })
    await new Promise((resolve) => setTimeout(resolve, 800))
    const left = await pttl(again.name)
    await again.extend()
    expect(await pttl(again.name)).toBeGreaterThan(left)
    expect(again.remainingMs).toBeGreaterThan(left)
  })

  test("extend never shortens a hold", async () => {
    const { locks, name } = lab()
    const lock = await locks().acquire(name(), { ttl: "30s", renew: false })
    await lock.extend("1s")
    expect(await pttl(lock.name)).toBeGreaterThan(25_000)
    expect(lock.remainingMs).toBeGreaterThan(25_000)
  })

  test("extend throws LockLostError if the lock is gone, and aborts the signal", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name())
    await command("DEL", `lock:${lock.name}`)
    expect(await lossOf(lock.extend())).toBe("deleted")
    expect(lock.signal.reason).toBeInstanceOf(LockLostError)
    expect(await rejection(lock.extend())).toBe(lock.signal.reason)
    expect(await command("EXISTS", `lock:${lock.name}`)).toBe(0)
  })

  test("extend throws LockLostError if another caller took the lock, and leaves it to them", async () => {
    const { locks, command, name } = lab()
    const { onEvent, of } = recorder()
    const lock = await locks({ onEvent }).acquire(name())
    const value = await holdAsStranger(lab(), lock.name, 9_000)
    expect(await lossOf(lock.extend("1m"))).toBe("taken")
    expect(lock.signal.aborted).toBe(true)
    expect(lock.remainingMs).toBe(0)
    expect(of("lost")).toMatchObject([{ name: lock.name, reason: "taken" }])
    expect(await command("GET", `lock:${lock.name}`)).toBe(value)
    expect(await pttl(lock.name)).toBeLessThanOrEqual(9_000)
  })

  test("a hold that expires is lost by the local clock, with or without a request", async () => {
    const { locks, name } = lab()
    const { onEvent, of } = recorder()
    const lock = await locks({ onEvent }).acquire(name(), { ttl: 1_200, renew: false })
    const reason = await abortion(lock.signal)
    // Before the key has expired, so that no one else can hold the lock yet.
    expect(lock.expiresAtMs).toBeLessThanOrEqual(Date.now())
    expect(reason).toMatchObject({ name: "LockLostError", reason: "expired" })
    expect(of("lost")).toMatchObject([{ name: lock.name, reason: "expired" }])
    expect(await lossOf(lock.extend())).toBe("expired")
  })

  test("a renewed hold outlives its ttl many times", async () => {
    const { locks, command, name } = lab()
    const { onEvent, of } = recorder()
    const lock = await locks({ onEvent }).acquire(name(), { ttl: 2_700, renew: true })
    await until(() => of("renewed").length === 6, { timeout: 15_000 })
    expect(await command("GET", `lock:${lock.name}`)).toBe(lock.token)
    expect(lock.signal.aborted).toBe(false)
    expect(of("renewed")[0]?.remainingMs).toBeGreaterThan(800)
    expect(await locks().tryAcquire(lock.name)).toBeNull()
    expect(await lock.release()).toBe("released")
  })

  test("a hold without renewal is not extended", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const lock = await locks().acquire(name(), { ttl: 1_200, renew: false })
    await abortion(lock.signal)
    expect(proxy.seen("extend")).toEqual([])
  })

  test("maxHold ends a renewed hold, and causes no burst of renewals", async () => {
    const { proxied, command, name } = lab()
    const { proxy, locks } = await proxied()
    const options = { ttl: 1_500, renew: { maxHold: 3_300 } } as const
    const lock = await locks({ keyLocking: false }).acquire(name(), options)
    const grantedAt = Date.now()
    expect(await abortion(lock.signal)).toMatchObject({ reason: "expired" })
    expect(lock.expiresAtMs).toBeLessThanOrEqual(grantedAt + 3_300)
    expect(lock.expiresAtMs).toBeGreaterThan(grantedAt + 2_500)
    // One at each third of the ttl, and a last one for the rest.
    expect(proxy.seen("extend").length).toBeLessThanOrEqual(6)
    await until(async () => (await command("EXISTS", `lock:${lock.name}`)) === 0)
  })

  test("keep leaves the lock held, without renewal, and the end of its scope does not release it", async () => {
    const { proxied, command, name } = lab()
    const { proxy, locks } = await proxied()
    const lock = await locks().acquire(name(), { ttl: 6_000, renew: true })
    await lock.keep("20s")
    await lock[Symbol.asyncDispose]()
    const sent = proxy.log.length
    await new Promise((resolve) => setTimeout(resolve, 2_200))
    expect(proxy.log).toHaveLength(sent)
    expect(await command("GET", `lock:${lock.name}`)).toBe(lock.token)
    expect(await pttl(lock.name)).toBeGreaterThan(15_000)
  })

  test("a kept lock is still released by an explicit release", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name())
    await lock.keep("1m")
    expect(await lock.release()).toBe("released")
    expect(await command("EXISTS", `lock:${lock.name}`)).toBe(0)
  })

  test("a lock that cannot be kept is still released at the end of its scope", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name())
    expect(await rejection(lock.keep(0))).toBeInstanceOf(RangeError)
    await lock[Symbol.asyncDispose]()
    expect(await command("EXISTS", `lock:${lock.name}`)).toBe(0)
  })

  test("a transferred lock stays held: its first holder neither renews nor releases it", async () => {
    const { proxied, command, name } = lab()
    const { proxy, locks } = await proxied()
    const lock = await locks().acquire(name(), { ttl: "10s", renew: true })
    const transfer = lock.transfer()
    const sent = proxy.log.length
    expect(transfer).toEqual({ name: lock.name, token: lock.token, ttlMs: 10_000 })
    expect(await lock.release()).toBe("taken")
    await lock[Symbol.asyncDispose]()
    expect(await lossOf(lock.extend())).toBe("released")
    expect(() => lock.transfer()).toThrow(LockLostError)
    expect(proxy.log).toHaveLength(sent)
    expect(await command("GET", `lock:${lock.name}`)).toBe(lock.token)
  })

  test("a transferred lock is adopted by another process, with its token and the rest of its ttl", async () => {
    const { locks, command, name } = lab()
    const lock = await locks().acquire(name(), { ttl: "10s", renew: false, fencing: true })
    const message = JSON.stringify(lock.transfer())
    await command("PEXPIRE", `lock:${lock.name}`, "4000")
    const adopted = await locks().adopt(JSON.parse(message) as LockTransfer)
    expect(adopted).toMatchObject({ name: lock.name, fencingToken: lock.fencingToken })
    expect(adopted.token).toBe(lock.token)
    expect(adopted.remainingMs).toBeLessThanOrEqual(4_000)
    expect(adopted.remainingMs).toBeGreaterThan(2_000)
    await adopted.extend()
    expect(adopted.remainingMs).toBeGreaterThan(8_000)
    expect(await adopted.release()).toBe("released")
    expect(await command("EXISTS", `lock:${lock.name}`)).toBe(0)
  })

  test("an adopted lock is renewed on request", async () => {
    const { locks, name } = lab()
    const { onEvent, of } = recorder()
    const lock = await locks().acquire(name(), { ttl: 1_500, renew: false })
    const adopted = await locks({ onEvent }).adopt(lock.transfer(), { renew: true })
    await until(() => of("renewed").length === 3)
    expect(adopted.signal.aborted).toBe(false)
    await adopted.release()
  })

  test("an expired hold cannot be adopted", async () => {
    const { locks, command, name } = lab()
    const gone = (await locks().acquire(name())).transfer()
    await command("DEL", `lock:${gone.name}`)
    expect(await lossOf(locks().adopt(gone))).toBe("expired")
    const taken = (await locks().acquire(name())).transfer()
    await holdAsStranger(lab(), taken.name, 5_000)
    expect(await lossOf(locks().adopt(taken))).toBe("taken")
  })
}
