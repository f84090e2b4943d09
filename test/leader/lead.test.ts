// What `lead` promises: one leader at a time, a successor as soon as there is none, and no run beside another.
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Lock } from "../../src/index.js"
import { lead, type LeadOptions } from "../../src/leader/index.js"
import { describeVariants } from "../support/describe-variants.js"
import { always, everything } from "../support/fault-proxy.js"
import { abortion, durationOf, recorder, rejection, until } from "../support/outcomes.js"
import { embedded, type Opened } from "../support/variants.js"

describeVariants("lead", (variant) => {
  let database: Opened
  beforeAll(async () => {
    database = await variant.open()
  })
  afterAll(() => database.close())

  let names = 0
  const unique = () => `leader-${String(names++)}`

  /** A candidate whose work lasts until it is told to stop. */
  function candidate(name: string, options: LeadOptions = {}, locks = database.locks()) {
    const resignation = new AbortController()
    const terms: Lock[] = []
    const state = { isLeading: false }
    const leading = lead(
      locks,
      name,
      async (lock, signal) => {
        terms.push(lock)
        state.isLeading = true
        await abortion(signal)
        state.isLeading = false
      },
      { ...options, signal: resignation.signal },
    )
    const resign = () => {
      resignation.abort()
      return leading
    }
    return { terms, state, leading, resign }
  }

  const settled = (count: number, of: readonly { state: { isLeading: boolean } }[]) =>
    until(() => of.filter(({ state }) => state.isLeading).length === count)

  test("of three candidates one leads, and the next one does as soon as it resigns", async () => {
    const name = unique()
    const all = [candidate(name), candidate(name), candidate(name)]
    await settled(1, all)
    await until(async () => (await database.locks().inspect(name)).waiting === 2)
    for (let left = 3; left > 0; left--) {
      const leader = all.find(({ state }) => state.isLeading)
      expect(await leader?.resign()).toBeUndefined()
      expect(leader?.state.isLeading).toBe(false)
      if (left > 1) await settled(1, all)
    }
    expect(all.map(({ terms }) => terms.length)).toEqual([1, 1, 1])
    expect((await database.locks().inspect(name)).isHeld).toBe(false)
  })

  test("a candidate that resigns while it waits leaves the queue", async () => {
    const name = unique()
    const holder = await database.locks().acquire(name)
    const waiting = candidate(name)
    await until(async () => (await database.locks().inspect(name)).waiting === 1)
    expect(await waiting.resign()).toBeUndefined()
    await until(async () => (await database.locks().inspect(name)).waiting === 0)
    expect(waiting.terms).toEqual([])
    await holder.release()
  })

  test("a leader that loses its hold is told by its signal, and stands for election again", async () => {
    const name = unique()
    const own = candidate(name, { ttl: "1s" })
    await settled(1, [own])
    await database.command("DEL", `lock:${name}`)
    await until(() => own.terms.length === 2, { timeout: 10_000 })
    expect(own.terms[0]?.signal.reason).toMatchObject({ code: "lost" })
    await own.resign()
  })

  test("a term is bounded by renew.maxHold", async () => {
    const name = unique()
    const own = candidate(name, { ttl: "500ms", renew: { maxHold: "800ms" } })
    await until(() => own.terms.length === 2)
    expect(own.terms[0]?.signal.reason).toMatchObject({ code: "lost", reason: "expired" })
    await own.resign()
  })

  test("resolves with the value of a run that returns while it leads, after the release", async () => {
    const name = unique()
    const { proxy, locks } = await database.proxied()
    proxy.plan = always("release", { kind: "request-delayed", ms: 300 })
    const value = await lead(locks(), name, (lock) => lock.fencingToken, { fencing: true })
    expect(value).toEqual(expect.any(Number))
    expect((await database.locks().inspect(name)).isHeld).toBe(false)
  })

  test("with onReturn: stand, it leads again after each return, at most twice a second", async () => {
    const name = unique()
    const stop = new AbortController()
    const startedAt = performance.now()
    let runs = 0
    const work = () => runs++
    const leading = lead(database.locks(), name, work, {
      onReturn: "stand",
      signal: stop.signal,
    })
    await until(() => runs >= 3, { timeout: 15_000 })
    const tookMs = performance.now() - startedAt
    stop.abort()
    expect(await leading).toBeUndefined()
    // Each pause is at least half a second.
    expect(tookMs).toBeGreaterThan(950)
  })

  test("when the work throws, an event has the error, another candidate leads, and it stands again after a pause", async () => {
    const name = unique()
    const { onEvent, of } = recorder()
    const stop = new AbortController()
    const broken = new Error("the work failed")
    const startedAt: number[] = []
    const failing = lead(
      database.locks({ onEvent }),
      name,
      () => {
        startedAt.push(performance.now())
        return Promise.reject(broken)
      },
      { signal: stop.signal },
    )
    await until(() => of("leader-failed").length === 1)
    expect(of("leader-failed")[0]?.error).toBe(broken)
    const other = candidate(name)
    await settled(1, [other])
    await other.resign()
    await until(() => startedAt.length >= 2, { timeout: 10_000 })
    expect(Number(startedAt[1]) - Number(startedAt[0])).toBeGreaterThan(450)
    stop.abort()
    await failing
  })

  test("a resignation ends the pause after a failure at once", async () => {
    const stop = new AbortController()
    const { onEvent, of } = recorder()
    const options = { signal: stop.signal }
    const run = () => Promise.reject(new Error("no"))
    const failing = lead(database.locks({ onEvent }), unique(), run, options)
    await until(() => of("released").length === 1)
    stop.abort()
    expect(await durationOf(failing)).toBeLessThan(300)
  })

  test("an error that the work throws because it was told to stop is not a failure", async () => {
    const { onEvent, of } = recorder()
    const stop = new AbortController()
    const leading = lead(
      database.locks({ onEvent }),
      unique(),
      (_, signal) =>
        sleep(60_000, undefined, { signal }).catch(() => {
          signal.throwIfAborted()
        }),
      { signal: stop.signal },
    )
    await until(() => of("granted").length === 1)
    stop.abort()
    expect(await leading).toBeUndefined()
    expect(of("leader-failed")).toEqual([])
  })

  test("neither is the error of their own with which Node's timers stop", async () => {
    const { onEvent, of } = recorder()
    const stop = new AbortController()
    const leading = lead(
      database.locks({ onEvent }),
      unique(),
      async (_, signal) => {
        await sleep(60_000, undefined, { signal })
      },
      { signal: stop.signal },
    )
    await until(() => of("granted").length === 1)
    stop.abort()
    expect(await leading).toBeUndefined()
    expect(of("leader-failed")).toEqual([])
  })

  test("work that stops within a ttl of its signal is not reported as overdue", async () => {
    const { onEvent, of } = recorder()
    const stop = new AbortController()
    const leading = lead(
      database.locks({ onEvent }),
      unique(),
      async (_, signal) => {
        await sleep(60_000, undefined, { signal }).catch(() => sleep(50))
      },
      { signal: stop.signal, ttl: "500ms" },
    )
    await until(() => of("granted").length === 1)
    stop.abort()
    await leading
    await sleep(700)
    expect(of("leader-overdue")).toEqual([])
  })

  test("work that ignores its signal is reported by an event, keeps others out while it is held, and never runs twice", async () => {
    const name = unique()
    const { onEvent, of } = recorder()
    const stop = new AbortController()
    let end: () => void = () => undefined
    let runs = 0
    const leading = lead(
      database.locks({ onEvent }),
      name,
      () => {
        runs++
        return new Promise<void>((resolve) => {
          end = resolve
        })
      },
      { signal: stop.signal, ttl: "2s" },
    )
    await until(() => runs === 1)
    await database.command("DEL", `lock:${name}`)
    await until(() => of("leader-overdue").length === 1, { timeout: 10_000 })
    expect(of("leader-overdue")[0]).toMatchObject({ name, afterMs: 2_000 })
    expect(runs).toBe(1)
    end()
    await until(() => runs === 2, { timeout: 10_000 })
    stop.abort()
    await sleep(2_500)
    // The resignation waits for the work, and the hold is renewed meanwhile.
    expect((await database.locks().inspect(name)).isHeld).toBe(true)
    expect(of("leader-overdue")).toHaveLength(2)
    end()
    await leading
    expect((await database.locks().inspect(name)).isHeld).toBe(false)
  })

  test("a manager that is closed resigns: its leader is told, its candidates leave, and the next one leads", async () => {
    const name = unique()
    const locks = database.locks()
    const [leader, other] = [candidate(name, {}, locks), candidate(name)]
    await until(() => leader.state.isLeading || other.state.isLeading)
    if (other.state.isLeading) await other.resign()
    const spare = candidate(name, {}, locks)
    const next = other.terms.length > 0 ? candidate(name) : other
    await until(async () => (await database.locks().inspect(name)).waiting === 2)
    expect(leader.state.isLeading).toBe(true)
    expect(await locks.releaseAll()).toEqual({ released: 1, failed: 0 })
    expect(await leader.leading).toBeUndefined()
    expect(await spare.leading).toBeUndefined()
    await until(() => next.state.isLeading)
    expect(spare.terms).toEqual([])
    const late = lead(locks, name, () => 1)
    expect(await rejection(late)).toMatchObject({ code: "closed", lockName: name })
    await next.resign()
  })

  test("a candidate that pauses after a failure resigns at once when its manager is closed", async () => {
    const { proxy, locks: make } = await database.proxied()
    const { onEvent, of } = recorder()
    const locks = make({ onEvent })
    const leading = lead(locks, unique(), (): void => {
      throw new Error("a slip")
    })
    await until(() => of("released").length === 1)
    await locks.releaseAll()
    expect(await durationOf(leading)).toBeLessThan(500)
    expect(await leading).toBeUndefined()
    await proxy.settled()
  })

  test("a database that cannot be reached is tried again, and the candidate leads once it can", async () => {
    const { proxy, locks } = await database.proxied()
    proxy.plan = everything({ kind: "request-lost" })
    const own = candidate(unique(), {}, locks({ timeout: "300ms" }))
    await sleep(2_500)
    expect(own.terms).toEqual([])
    proxy.plan = () => undefined
    await until(() => own.state.isLeading, { timeout: 10_000 })
    await own.resign()
  })
})

describe("lead refuses", () => {
  let database: Opened
  beforeAll(async () => {
    database = await embedded.open()
  })
  afterAll(() => database.close())
  const run = () => undefined

  test.each([
    [{ onReturn: "again" }, /^onReturn: must be "resign" or "stand", got "again"$/],
    [{ wait: "1s" }, /^wait: not supported by lead$/],
    [{ maxRequests: 3 }, /^maxRequests: not supported by lead$/],
    [{ mode: "shared" }, /^mode: not supported by lead$/],
    [{ renew: false }, /^renew: must be true or \{ maxHold \}, got false$/],
    [{ renew: { maxHold: "1ms" } }, /^renew\.maxHold: /],
    [{ ttl: 1 }, /^ttl: /],
    [{ signal: 7 }, /^signal: must be an AbortSignal, got 7$/],
    [7, /^options: must be an object, got 7$/],
  ])("the options %j", async (options, message) => {
    const error = await rejection(lead(database.locks(), "name", run, options as LeadOptions))
    expect((error as Error).message).toMatch(message)
  })

  test("a manager, a name or work that is invalid", async () => {
    const said = async (locks: unknown, name: unknown, work: unknown) => {
      const error = await rejection(lead(locks as never, name as string, work as never))
      expect(error).toBeInstanceOf(TypeError)
      return (error as Error).message
    }
    expect(await said({}, "name", run)).toBe("locks: must be a LockManager, got an object")
    expect(await said(database.locks(), 7, run)).toMatch(/^name: /)
    expect(await said(database.locks(), "name", "run")).toBe('run: must be a function, got "run"')
  })

  test("nothing of the defaults of its manager that makes no sense for a candidate", async () => {
    const locks = database.locks({ wait: 0, maxRequests: 1, renew: false, mode: "shared" })
    expect(await lead(locks, "defaults", (lock) => lock.mode)).toBe("exclusive")
  })
})
