// Locks of other libraries and languages in the same key: they exclude us, we exclude them, and neither harms the other.
import { afterAll, beforeAll, expect, test } from "vitest"
import { LockBackendError, LockLostError, LockTimeoutError } from "../../src/index.js"
import { describeVariants } from "../support/describe-variants.js"
import { durationOf, recorder, rejection, until } from "../support/outcomes.js"
import type { Opened, Variant } from "../support/variants.js"

/** A lock as most Redis clients write it: `SET key token NX PX ttl`, a comparison and a DEL. */
class Stranger {
  readonly #database: Opened
  readonly #key: string
  readonly token = `stranger:${Math.random().toString(36).slice(2)}`

  constructor(database: Opened, name: string) {
    this.#database = database
    this.#key = `lock:${name}`
  }

  async take(...expiry: readonly string[]): Promise<boolean> {
    return (await this.#database.command("SET", this.#key, this.token, "NX", ...expiry)) === "OK"
  }

  async release(): Promise<boolean> {
    const script = `if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end return 0`
    const deleted = await this.#database.command("EVAL", script, "1", this.#key, this.token)
    return deleted === 1
  }

  async holds(): Promise<boolean> {
    return (await this.#database.command("GET", this.#key)) === this.token
  }
}

describeVariants("foreign holders", (variant: Variant) => {
  let database: Opened
  let names = 0
  beforeAll(async () => {
    database = await variant.open()
  })
  afterAll(() => database.close())

  const openCase = () => {
    const name = `shared-${String(names++)}`
    return { name, stranger: new Stranger(database, name) }
  }

  test("a foreign holder excludes us", async () => {
    const { name, stranger } = openCase()
    expect(await stranger.take("PX", "30000")).toBe(true)
    expect(await database.locks().tryAcquire(name)).toBeNull()
    expect(await database.locks().tryAcquire(name, { fencing: true })).toBeNull()
    const waiting = database.locks().acquire(name, { wait: 300 })
    expect(await rejection(waiting)).toBeInstanceOf(LockTimeoutError)
    expect(await stranger.holds()).toBe(true)
    expect(await stranger.release()).toBe(true)
  })

  test("our holder excludes foreign clients", async () => {
    const { name, stranger } = openCase()
    const lock = await database.locks().acquire(name)
    expect(await stranger.take("PX", "30000")).toBe(false)
    expect(await stranger.release()).toBe(false)
    expect(await lock.release()).toBe("released")
    expect(await stranger.take("PX", "30000")).toBe(true)
  })

  test("a waiter gets the lock soon after a foreign release, which sends no message", async () => {
    const { name, stranger } = openCase()
    await stranger.take("PX", "30000")
    const { onEvent, of } = recorder()
    const waiting = database.locks({ onEvent }).acquire(name, { wait: "30s" })
    await until(() => of("queued").length === 1)
    await stranger.release()
    // The longest pause is two seconds.
    expect(await durationOf(waiting)).toBeLessThan(3_000)
    await (await waiting).release()
  })

  test("a waiter gets the lock as soon as a foreign hold has expired", async () => {
    const { name, stranger } = openCase()
    await stranger.take("PX", "700")
    const waiting = database.locks().acquire(name, { wait: "30s" })
    expect(await durationOf(waiting)).toBeLessThan(1_700)
    await (await waiting).release()
  })

  test("a foreign hold without a ttl is waited for with pauses, and never harmed", async () => {
    const { name, stranger } = openCase()
    await stranger.take()
    const { proxy, locks } = await database.proxied()
    const error = await rejection(locks().acquire(name, { wait: 1_500 }))
    expect(error).toBeInstanceOf(LockTimeoutError)
    expect(await stranger.holds()).toBe(true)
    expect(await database.command("PTTL", `lock:${name}`)).toBe(-1)
    // Pauses of 50, 100, 200, … ms on average: some ten checks, where a wait for "-1 ms" would be hundreds.
    expect(proxy.log.length).toBeLessThan(40)
    const waiting = database.locks().acquire(name, { wait: "30s" })
    await stranger.release()
    await (await waiting).release()
  })

  test("a lock that a foreign client took from us cannot be extended, kept, adopted or released", async () => {
    const { name, stranger } = openCase()
    const lock = await database.locks().acquire(name)
    const transferred = { name, token: lock.token, ttlMs: 1_000 }
    await database.command("DEL", `lock:${name}`)
    await stranger.take("PX", "9000")
    const other = await rejection(database.locks().adopt(transferred))
    expect(other).toMatchObject({ reason: "taken" })
    expect(await rejection(lock.keep("1h"))).toBeInstanceOf(LockLostError)
    expect(await lock.release()).toBe("taken")
    expect(await stranger.holds()).toBe(true)
    expect(Number(await database.command("PTTL", `lock:${name}`))).toBeLessThanOrEqual(9_000)
  })

  test("a foreign client that overwrites our lock ends a renewed hold at its next renewal", async () => {
    const { name, stranger } = openCase()
    const { onEvent, of } = recorder()
    const lock = await database.locks({ onEvent }).acquire(name, { ttl: "3s", renew: true })
    await database.command("SET", `lock:${name}`, stranger.token)
    await until(() => of("lost").length === 1, { timeout: 10_000 })
    expect(of("lost")[0]?.reason).toBe("taken")
    // Used until the end, so that it is not taken for a leaked handle.
    expect(lock.remainingMs).toBe(0)
    expect(await database.command("PTTL", `lock:${name}`)).toBe(-1)
  })

  test("a foreign value that looks like a number, JSON or one of our tokens is still foreign", async () => {
    for (const value of ["1", "0", "", "null", "true", "[1]", "fl_", "fl_x_y", "+", "OK"]) {
      const { name } = openCase()
      await database.command("SET", `lock:${name}`, value, "PX", "30000")
      expect(await database.locks().tryAcquire(name)).toBeNull()
      expect(await database.locks().tryAcquire(name, { fencing: true })).toBeNull()
      expect(await database.command("GET", `lock:${name}`)).toBe(value)
    }
  })

  test("a lock's key that is not a string cannot be acquired, and stays", async () => {
    const { name } = openCase()
    await database.command("ZADD", `lock:${name}`, "1", "a semaphore of others")
    const locks = database.locks()
    for (const take of [
      () => locks.tryAcquire(name),
      () => locks.tryAcquire(name, { fencing: true }),
      () => locks.acquire(name, { wait: "5s" }),
    ]) {
      expect(await rejection(take())).toBeInstanceOf(LockBackendError)
    }
    expect(await database.command("ZCARD", `lock:${name}`)).toBe(1)
  })

  test("foreign clients and ours never overlap", async () => {
    const { name } = openCase()
    let inside = 0
    let overlaps = 0
    const visit = async () => {
      if (++inside > 1) overlaps++
      await new Promise((resolve) => setTimeout(resolve, 3))
      inside--
    }
    const ours = Array.from({ length: 8 }, () =>
      database.locks().request(name, { wait: "60s", interval: 10 }, visit),
    )
    const theirs = Array.from({ length: 8 }, async () => {
      const stranger = new Stranger(database, name)
      while (!(await stranger.take("PX", "30000")))
        await new Promise((resolve) => setTimeout(resolve, 5))
      await visit()
      await stranger.release()
    })
    await Promise.all([...ours, ...theirs])
    expect(overlaps).toBe(0)
  })
})
