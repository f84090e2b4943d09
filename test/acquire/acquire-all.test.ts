// Several locks, all or nothing: the order of requests, the locks kept while one is waited for, and the locks given back.
import { getEventListeners } from "node:events"
import { describe, expect, test, vi } from "vitest"
import { checkNames, acquireAll } from "../../src/acquire/acquire-all.js"
import type { Lock } from "../../src/hold/lock.js"
import type { AcquireOptions } from "../../src/options.js"
import { rejection } from "../support/outcomes.js"
import { useVirtualTime } from "../support/virtual-time.js"

const TTL = 1_000

useVirtualTime()

/** A lock that follows the test's script, and records the calls on it. */
function lockOf(name: string, note: (what: string) => void) {
  const controller = new AbortController()
  const lock = {
    name,
    remainingMs: TTL,
    signal: controller.signal,
    extend: () => {
      note(`extend ${name}`)
      return Promise.resolve()
    },
    stopRenewing: () => {
      note(`stop renewing ${name}`)
    },
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      note(`give back ${name}`)
    },
  }
  const lose = (reason: unknown) => {
    controller.abort(reason)
  }
  return { ...lock, lose }
}

/** Starts a call while the given locks are held; a lock that it waits for is granted, or fails, when the test says so. */
function start(
  names: readonly string[],
  taken: readonly string[] = [],
  options: AcquireOptions = {},
  { waitMs = 10_000, failing = new Map<string, Error>() } = {},
) {
  const busy = new Set(taken)
  const asked: string[] = []
  const given: AcquireOptions[] = []
  const locks = new Map<string, ReturnType<typeof lockOf>>()
  const note = (what: string) => asked.push(what)
  const make = (name: string) => {
    const lock = lockOf(name, note)
    locks.set(name, lock)
    return lock as unknown as Lock
  }
  let arrive: () => void = () => undefined
  const calls = {
    tryAcquire: (name: string, each: AcquireOptions) => {
      note(`try ${name}`)
      given.push(each)
      const failure = failing.get(name)
      if (failure) return Promise.reject(failure)
      return Promise.resolve(busy.has(name) ? null : make(name))
    },
    acquire: (name: string, each: AcquireOptions) => {
      note(`wait for ${name}`)
      given.push(each)
      return new Promise<Lock>((resolve, reject) => {
        arrive = () => {
          busy.delete(name)
          resolve(make(name))
        }
        each.signal?.addEventListener("abort", () => {
          reject(each.signal?.reason as Error)
        })
      })
    },
  }
  const grant = () => {
    arrive()
  }
  const running = acquireAll(names, options, { waitMs, ttlMs: TTL }, calls)
  running.catch(() => undefined)
  const find = (name: string) => {
    const lock = locks.get(name)
    if (!lock) throw new Error(`${name} was not granted`)
    return lock
  }
  return { running, asked, given, failing, find, grant }
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe("locks that are free", () => {
  test("are requested at once, in the order of their names, and returned in the order of the list", async () => {
    const { running, asked } = start(["c", "a", "b"], [], { renew: true })
    await pass(1)
    const group = await running
    expect(asked).toEqual(["try a", "try b", "try c"])
    expect(group.locks.map(({ name }) => name)).toEqual(["c", "a", "b"])
  })

  test("do not change the caller's list", async () => {
    const names = Object.freeze(["b", "a"])
    await start(names).running
    expect(names).toEqual(["b", "a"])
  })
})

describe("while one of them is waited for", () => {
  test("the locks before it are kept; the locks behind it are released, and requested again after its grant", async () => {
    const { running, asked, grant } = start(["d", "c", "b", "a"], ["b", "d"], { renew: true })
    await pass(100)
    expect(asked).toEqual(["try a", "try b", "try c", "try d", "wait for b", "give back c"])
    grant()
    await pass(100)
    expect(asked.slice(6)).toEqual(["try c", "try d", "wait for d"])
    grant()
    await pass(100)
    expect((await running).locks.map(({ name }) => name)).toEqual(["d", "c", "b", "a"])
    expect(asked).toHaveLength(9)
  })

  test("its wait is the rest of the call's wait, and never negative", async () => {
    const { asked, given, grant } = start(["a", "b"], ["a", "b"], {}, { waitMs: 700 })
    await pass(300)
    grant()
    await pass(0)
    expect(asked.slice(-2)).toEqual(["try b", "wait for b"])
    expect(given.map(({ wait }) => wait)).toEqual([undefined, undefined, 700, undefined, 400])
    const late = start(["a", "b", "c"], ["a", "b"], {}, { waitMs: 700 })
    await pass(900)
    late.grant()
    await pass(0)
    expect(late.given.at(-1)?.wait).toBe(0)
  })

  test("each lock is renewed, and no longer once all are held, unless the caller asks for renewal", async () => {
    const off = start(["a", "b"], ["b"], { renew: false })
    for (const { running, given, asked, grant } of [off]) {
      await pass(100)
      expect(asked).not.toContain("stop renewing a")
      grant()
      await running
      expect(given.map(({ renew }) => renew)).toEqual([true, true, true])
      expect(asked.slice(-2)).toEqual(["stop renewing a", "stop renewing b"])
    }
    const renew = { maxHold: "1h" } as const
    const long = start(["a", "b"], ["b"], { renew, ttl: 1_000 })
    await pass(100)
    long.grant()
    await long.running
    expect(long.given.map((each) => each.renew)).toEqual([renew, renew, renew])
    expect(long.given.map(({ ttl }) => ttl)).toEqual([1_000, 1_000, 1_000])
    expect(long.asked.filter((what) => what.startsWith("stop"))).toEqual([])
  })

  test("the loss of a kept lock ends the call, and no lock stays held", async () => {
    const { running, asked, find } = start(["a", "b", "c", "d"], ["c"])
    await pass(100)
    const loss = new Error("a is lost")
    find("a").lose(loss)
    await pass(100)
    expect(await rejection(running)).toBe(loss)
    expect(asked.slice(-2)).toEqual(["give back a", "give back b"])
  })

  test("an abort by the caller rejects the call with its reason, after every lock has been released", async () => {
    const controller = new AbortController()
    const { running, asked } = start(["a", "b", "c"], ["b"], { signal: controller.signal })
    const told = rejection(running).then((reason) => asked.push(`told ${String(reason)}`))
    await pass(0)
    controller.abort("enough")
    await pass(100)
    await told
    expect(asked.slice(-3).sort()).toEqual(["give back a", "give back c", "told enough"])
    expect(asked.at(-1)).toBe("told enough")
  })

  test("the call listens to the caller's signal, and no longer once the lock is granted", async () => {
    const { signal } = new AbortController()
    const { running, grant } = start(["a", "b"], ["b"], { signal })
    await pass(100)
    expect(getEventListeners(signal, "abort")).toHaveLength(1)
    grant()
    await running
    expect(getEventListeners(signal, "abort")).toEqual([])
  })
})

describe("a call that fails", () => {
  test("first releases the locks that were granted beside the failure, and the locks it held before", async () => {
    const { running, asked, failing, grant } = start(["a", "b", "c", "d", "e"], ["b", "e"])
    await pass(100)
    const failure = new Error("the database is down")
    failing.set("c", failure)
    grant()
    await pass(1)
    const before = asked.length
    await pass(100)
    expect(await rejection(running)).toBe(failure)
    expect(asked.slice(before)).toEqual(["give back d", "give back a", "give back b"])
  })

  test("reports the first of several failures, by the order of names", async () => {
    const [first, second] = [new Error("of b"), new Error("of c")]
    const failing = new Map([
      ["c", second],
      ["b", first],
    ])
    const { running } = start(["c", "b", "a"], [], {}, { failing })
    await pass(100)
    expect(await rejection(running)).toBe(first)
  })
})

describe("once all have come", () => {
  test("each lock is extended if the first of them would expire long before its ttl", async () => {
    const { running, asked, find, grant } = start(["a", "b"], ["b"], { renew: true })
    await pass(100)
    find("a").remainingMs = TTL / 2
    grant()
    await running
    expect(asked.slice(-2)).toEqual(["extend a", "extend b"])
  })

  test("a lock that was lost meanwhile fails the call, and the others are released", async () => {
    const { running, asked, find, grant } = start(["a", "b"], ["b"])
    await pass(100)
    const loss = new Error("a is lost")
    grant()
    find("a").lose(loss)
    await pass(100)
    expect(await rejection(running)).toBe(loss)
    expect(asked.slice(-2)).toEqual(["give back a", "give back b"])
  })
})

test.each([
  ["a", "names: must be an array of names"],
  [[], "names: must not be empty"],
  [["a", "b", "a"], 'names: must not contain duplicates, got "a" twice'],
])("the names cannot be %j", (names, message) => {
  expect(() => {
    checkNames(names)
  }).toThrow(message)
})

test("the names are strings that differ", () => {
  expect(() => {
    checkNames(["a", "b"])
  }).not.toThrow()
})
