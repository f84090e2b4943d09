// One case of a fault: a proxy and a key of its own in a shared database, and the assertions that hold after any fault.
import { expect } from "vitest"
import {
  type Lock,
  LockBackendError,
  LockManager,
  type LockManagerOptions,
  type ReleaseResult,
} from "../../src/index.js"
import { lockKeys } from "../../src/redis/keys.js"
import { FaultProxy } from "../support/fault-proxy.js"
import { judge } from "../support/judge.js"
import { AT_LAST, until } from "../support/outcomes.js"
import { type Deed, readRecord, recorded } from "../support/record.js"
import { connect } from "../support/variants.js"
import type { FaultLab } from "./lab.js"
import { TTL } from "./matrix.js"

/** One case's own proxy and key in a shared database. */
export class Trial {
  readonly proxy: FaultProxy
  readonly name: string
  /** The manager that suffers, and one that does not. */
  readonly locks: LockManager
  readonly unharmed: LockManager
  readonly #lab: FaultLab

  static async open(lab: FaultLab, options: Partial<LockManagerOptions>): Promise<Trial> {
    const name = `trial-${Math.random().toString(36).slice(2)}`
    return new Trial(lab, name, await FaultProxy.open(lab.url, { rewrite: recorded }), options)
  }

  private constructor(
    lab: FaultLab,
    name: string,
    proxy: FaultProxy,
    options: Partial<LockManagerOptions>,
  ) {
    this.#lab = lab
    this.proxy = proxy
    this.name = name
    const redis = connect("fetch client", proxy.url)
    this.locks = new LockManager({ redis, ttl: TTL, renew: false, ...options })
    this.unharmed = new LockManager({
      redis: connect("fetch client", lab.unharmedUrl),
      ttl: TTL,
      renew: false,
    })
  }

  /** The same trial with other options for the manager that suffers. */
  with(options: LockManagerOptions): Trial {
    return new Trial(this.#lab, this.name, this.proxy, options)
  }

  async holder(): Promise<unknown> {
    return this.#lab.command("GET", `lock:${this.name}`)
  }

  async pttl(): Promise<number> {
    return Number(await this.#lab.command("PTTL", `lock:${this.name}`))
  }

  /** Whether the key holds a token of the manager that suffers. */
  async isOurs(): Promise<boolean> {
    return String(await this.holder()).startsWith(`fl_${this.locks.clientId}_`)
  }

  /** The database knows the lock, and no one trusts it for longer than its key lives. */
  async expectHeld(lock: Lock): Promise<void> {
    // In this order: the validity that is left now is less than the ttl that the key had left before.
    const { remainingMs } = lock
    const left = await this.pttl()
    const sinceThen = remainingMs - lock.remainingMs
    expect([lock.token, `${lock.token}+`]).toContain(await this.holder())
    expect(remainingMs).toBeGreaterThan(0)
    expect(remainingMs).toBeLessThanOrEqual(left + sinceThen)
    expect(await this.unharmed.tryAcquire(this.name)).toBeNull()
  }

  /** Shared by exactly these, soon after every request in flight has been executed. */
  async expectSharedBy(tokens: readonly unknown[]): Promise<void> {
    const key = lockKeys("lock:", this.name)[4] ?? ""
    const wanted = JSON.stringify([...tokens].sort())
    await until(async () => {
      await this.proxy.settled()
      const sharers = (await this.#lab.command("ZRANGE", key, "0", "-1")) as string[]
      return JSON.stringify([...sharers].sort()) === wanted
    })
  }

  /** Freed soon after every request in flight has been executed, and not taken again. */
  async expectFree(): Promise<void> {
    const isFreeAndQuiet = async () => {
      await this.proxy.settled()
      const sent = this.proxy.log.length
      await new Promise((resolve) => setTimeout(resolve, 100))
      return this.proxy.log.length === sent && (await this.holder()) === null
    }
    await until(isFreeAndQuiet)
  }

  /** The number of waiters in the queue. */
  async waiting(): Promise<number> {
    return Number(await this.#lab.command("ZCARD", lockKeys("lock:", this.name)[1] ?? ""))
  }

  /** Free, no waiters, and no requests in flight. */
  async expectQuiet(): Promise<void> {
    await this.expectFree()
    expect(await this.waiting()).toBe(0)
  }

  /** Taken by nobody for longer than one ttl from now. */
  async expectFreeWithinTtl(): Promise<void> {
    await this.proxy.settled()
    const left = await this.pttl()
    // -2: there is no key. -1, a key that never expires, must not happen.
    expect(left === -2 || (left > 0 && left <= TTL)).toBe(true)
  }

  /** The changes of the lock, in order. */
  async deeds(): Promise<readonly Deed[]> {
    return (await readRecord(this.#lab.command, this.name)).deeds
  }

  /** No command did anything that is forbidden, and no key that is left stays forever. */
  async expectLawful(): Promise<void> {
    const { deeds, now } = await readRecord(this.#lab.command, this.name)
    expect(judge(deeds)).toEqual([])
    expect(now.ends).not.toContain(-1)
  }

  async close(): Promise<void> {
    await this.proxy.close()
  }
}

/** Runs the case with a trial of its own, and closes the trial in any case. */
export async function withTrial<T>(
  lab: FaultLab,
  options: Partial<LockManagerOptions>,
  run: (trial: Trial) => Promise<T>,
): Promise<T> {
  const trial = await Trial.open(lab, options)
  try {
    const result = await run(trial)
    await trial.expectLawful()
    return result
  } finally {
    await trial.close()
  }
}

/** The result of the promise: its value, or the one error that it may reject with. */
export async function outcomeOf<T>(promise: Promise<T>): Promise<T | LockBackendError> {
  try {
    return await promise
  } catch (error) {
    expect(error).toBeInstanceOf(LockBackendError)
    return error as LockBackendError
  }
}

/** Calls `release` until it succeeds: if requests have little time, a busy machine makes them fail too. */
export async function releaseAtLast(lock: Lock): Promise<ReleaseResult> {
  let result: ReleaseResult | undefined
  await until(async () => {
    result = await lock.release().catch(() => undefined)
    return result !== undefined
  }, AT_LAST)
  return result ?? "gone"
}
