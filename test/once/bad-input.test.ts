// Invalid input of `once`: refused before anything is sent, or returned to its own caller with nothing lost.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import {
  type Duration,
  LockBackendError,
  type LockEvent,
  type LockManager,
} from "../../src/index.js"
import { forget, once } from "../../src/once/index.js"
import { quorum } from "../../src/quorum/index.js"
import { rejection } from "../support/outcomes.js"
import { openVirtual } from "../support/virtual-database.js"
import type { Opened } from "../support/variants.js"

let database: Opened
beforeAll(async () => {
  database = await openVirtual()
})
afterAll(() => database.close())

describe("invalid input is refused, and nothing is sent:", () => {
  const options: readonly (readonly [object | number, string])[] = [
    [5, "options: must be an object"],
    [{ remember: -1 }, "remember: must be from 0"],
    [{ remember: Infinity }, "remember: must be from 0"],
    [{ remember: NaN }, "remember: must be"],
    [{ remember: "soon" }, "remember: must be"],
    [{ stale: -1 }, "stale: must be"],
    [{ rememberErrors: "x" }, "rememberErrors: must be"],
    [{ rememberCrashes: "soon" }, "rememberCrashes: must be"],
    [{ rememberCrashes: 999 }, "rememberCrashes: must be"],
    [{ attempts: 0 }, "attempts: must be"],
    [{ attempts: 1.5 }, "attempts: must be"],
    [{ maxBytes: -1 }, "maxBytes: must be"],
    [{ serialize: "json" }, "serialize: must be a function"],
    [{ deserialize: 1 }, "deserialize: must be a function"],
    [{ fingerprint: 1 }, "fingerprint: must be a string"],
    [{ failOpen: "yes" }, "failOpen: must be a boolean"],
    [{ ttl: 1 }, "ttl: must be"],
    [{ wait: -1 }, "wait: must be"],
    [{ signal: {} }, "signal: must be"],
  ]
  test.for(options)("options %j", async ([given, message]) => {
    const { proxy, locks } = await database.proxied()
    const error = await rejection(once(locks(), "x", given as object, () => 1))
    expect((error as Error).message).toContain(message)
    expect(proxy.log).toEqual([])
  })

  test("a run, a name or a manager of the wrong type, or a quorum", async () => {
    const locks = database.locks()
    const bad = async (...args: readonly unknown[]) =>
      (
        (await rejection(
          (once as (...all: readonly unknown[]) => Promise<unknown>)(...args),
        )) as Error
      ).message
    expect(await bad(locks, "x", 5)).toContain("run: must be a function")
    expect(await bad(locks, "x")).toContain("run: must be a function")
    expect(await bad(locks, 7, () => 1)).toContain("name: must be a string")
    expect(await bad({}, "x", () => 1)).toContain("locks: must be a LockManager")
    const redis = { url: "https://example.test", token: "t" }
    const { LockManager } = await import("../../src/index.js")
    const several = new LockManager({
      redis: quorum([
        redis,
        { ...redis, url: "https://b.test" },
        { ...redis, url: "https://c.test" },
      ]),
    })
    expect(await rejection(once(several, "x", () => 1))).toMatchObject({
      name: "NotSupportedError",
    })
    expect(await rejection(forget(several, "x"))).toMatchObject({ name: "NotSupportedError" })
    expect(await rejection(forget(null as never, "x"))).toBeInstanceOf(TypeError)
    expect(await rejection(forget(locks, 7 as never))).toBeInstanceOf(TypeError)
  })
})

describe("a result that cannot be shared is returned to its own caller, with an event:", () => {
  function listening(): { locks: LockManager; events: LockEvent[] } {
    const events: LockEvent[] = []
    return { locks: database.locks({ onEvent: (event) => events.push(event) }), events }
  }

  const durations: readonly (() => Duration)[] = [
    () => -1,
    () => Infinity,
    () => {
      throw new Error("no")
    },
    () => "soon" as Duration,
  ]
  test.for(durations.map((remember, i) => ({ remember, i })))(
    "a `remember` function that returns no valid duration: $i",
    async ({ remember }, context) => {
      const { name } = context.task
      const { locks, events } = listening()
      expect(await once(locks, name, { remember }, () => 1)).toBe(1)
      expect(events).toContainEqual(expect.objectContaining({ type: "not-remembered" }))
      expect(await once(locks, name, () => 2)).toBe(2)
    },
  )

  test.for([
    ["a cycle", "not-serializable"],
    ["a BigInt", "not-serializable"],
    ["half a character", "not-serializable"],
    ["too much", "too-large"],
  ] as const)("%s", async ([what, reason], context) => {
    const { name } = context.task
    const cycle: unknown[] = []
    cycle.push(cycle)
    const serialize = what === "half a character" ? () => "\ud800" : undefined
    const values = {
      "a cycle": cycle,
      "a BigInt": 1n,
      "half a character": 1,
      "too much": "x".repeat(100),
    }
    const value = values[what]
    const { locks, events } = listening()
    const options = { remember: "1m", maxBytes: 50, ...(serialize && { serialize }) } as const
    expect(await once<unknown>(locks, name, options, () => value)).toBe(value)
    expect(events).toContainEqual(expect.objectContaining({ type: "not-shared", reason }))
    expect(await database.command("KEYS", `*${name}*`)).toEqual([])
    expect(await once(locks, name, () => 2)).toBe(2)
  })
})

test("a record that another program wrote, or that cannot be read, is an error and never a value", async () => {
  const locks = database.locks()
  const header = `fl1 ${"0".repeat(20)} 1 ${Date.now() + 60_000} - v`
  for (const record of ["what?", `${header} 3 1`, `${header} 5 {"a":`]) {
    await database.command("SET", "{lock:strange}:result", record, "PX", "60000")
    expect(await rejection(once(locks, "strange", () => 1))).toBeInstanceOf(LockBackendError)
  }
})

test("a run's lock is neither released, kept nor handed over: its result would reach nobody", async () => {
  const locks = database.locks()
  const released = once(locks, "released", (lock) => lock.release())
  await expect(released).rejects.toMatchObject({ name: "NotSupportedError" })
  // A run that continues after that is still shared.
  const goesOn = once(locks, "goes on", { remember: "1m" }, async (lock) => {
    await rejection(lock.release())
    expect(lock.remainingMs).toBeGreaterThan(0)
    return 1
  })
  expect(await goesOn).toBe(1)
  expect(await once(locks, "goes on", () => 2)).toBe(1)
  const kept = once(locks, "kept", (lock) => lock.keep("1m"))
  await expect(kept).rejects.toMatchObject({ name: "NotSupportedError" })
  const transferred = once(locks, "transferred", (lock) => lock.transfer())
  await expect(transferred).rejects.toMatchObject({ name: "NotSupportedError" })
  // The names are free at once.
  expect(await once(locks, "released", { wait: 0 }, () => 1)).toBe(1)
  expect(await once(locks, "kept", { wait: 0 }, () => 1)).toBe(1)
  expect(await once(locks, "transferred", { wait: 0 }, () => 1)).toBe(1)
})
