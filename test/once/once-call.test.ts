// One call of `once`, with a database in this process: what it reports, what it leaves running, and what it does without a
// listener for events.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest"
import { LockBackendError, type LockEvent, LockManager } from "../../src/index.js"
import { forget, once } from "../../src/once/index.js"
import { unexpectedReply } from "../../src/redis/redis-error.js"
import { everything } from "../support/fault-proxy.js"
import { rejection } from "../support/outcomes.js"
import type { Opened } from "../support/variants.js"
import { openVirtual } from "../support/virtual-database.js"
import { recordOf } from "./record-of.js"

let database: Opened
beforeAll(async () => {
  database = await openVirtual()
})
beforeEach(() => database.command("FLUSHALL"))
afterEach(() => vi.restoreAllMocks())
afterAll(() => database.close())

/** A manager that keeps its events. */
function recording() {
  const events: LockEvent[] = []
  const onEvent = (event: LockEvent) => void events.push(event)
  return { events, onEvent, locks: database.locks({ onEvent }) }
}

/** Work that was left running, to be awaited. */
function leftovers() {
  const works: Promise<unknown>[] = []
  return { works, waitUntil: (work: Promise<unknown>) => void works.push(work) }
}

/** An old value, which is no longer fresh. */
async function old(locks: LockManager, name: string): Promise<void> {
  await once(locks, name, { remember: 1, stale: "1m" }, () => "old")
  await new Promise((resolve) => setTimeout(resolve, 10))
}

describe("without a lock", () => {
  test("a run with failOpen is reported, and says that it ran", async () => {
    const { proxy, locks } = await database.proxied()
    proxy.plan = everything({ kind: "request-lost" })
    const { events, onEvent } = recording()
    const options = { failOpen: true } as const
    const run = () => once.detailed(locks({ timeout: 100, onEvent }), "a", options, () => 1)
    expect(await run()).toEqual({ value: 1, source: "ran" })
    const shared = events.filter(({ type }) => type === "not-shared")
    expect(shared).toMatchObject([{ name: "a", reason: "fail-open" }])
    expect(shared[0]).toHaveProperty("error", expect.any(LockBackendError))
    expect(await once(locks({ timeout: 100 }), "a", options, () => 2)).toBe(2)
  })
})

describe("a result that is there", () => {
  test("costs one request, and cleans nothing up", async () => {
    const { proxy, locks } = await database.proxied()
    await once(locks(), "a", { remember: "1m" }, () => "value")
    const before = proxy.log.length
    const { works, waitUntil } = leftovers()
    const options = { remember: "1m", waitUntil } as const
    const again = await once.detailed(locks(), "a", options, () => "other")
    await Promise.all(works)
    expect(again).toEqual({ value: "value", source: "remembered" })
    expect(proxy.log).toHaveLength(before + 1)
  })

  test("and that cannot be read is an error with its cause", async () => {
    await once(database.locks(), "a", { remember: "1m" }, () => "value")
    const mistake = new SyntaxError("no")
    const deserialize = () => {
      throw mistake
    }
    const options = { remember: "1m", deserialize } as const
    const error = await rejection(once(database.locks(), "a", options, () => "other"))
    expect(error).toBeInstanceOf(LockBackendError)
    expect(error).toMatchObject({
      phase: "acquire",
      cause: { message: "the stored result cannot be read", cause: mistake },
    })
  })

  test("and that was cut off is an error, too", async () => {
    const store = (bytes: number) => {
      const record = recordOf("1", { bytes, freshUntilMs: Date.now() + 60_000 })
      return database.command("SET", "{lock:a}:result", record, "PX", "60000")
    }
    await store(1)
    expect(await once(database.locks(), "a", () => "other")).toBe(1)
    await store(7)
    const error = await rejection(once(database.locks({ timeout: 100 }), "a", () => "other"))
    expect(error).toBeInstanceOf(LockBackendError)
    expect(error).toHaveProperty("cause.message", unexpectedReply().message)
  })
})

describe("an old value", () => {
  test("that cannot be read is replaced by that of the run", async () => {
    const { locks } = recording()
    await old(locks, "a")
    const deserialize = () => {
      throw new SyntaxError("no")
    }
    const options = { remember: 1, stale: "1m", deserialize } as const
    expect(await once(locks, "a", options, () => "new")).toBe("new")
  })

  test("stays if its refresh fails, which is reported if somebody listens", async () => {
    let runs = 0
    const failing = () => {
      runs++
      throw new Error("no")
    }
    const { events, locks } = recording()
    for (const [name, manager] of Object.entries({ a: locks, b: database.locks() })) {
      const { works, waitUntil } = leftovers()
      await old(manager, name)
      const options = { remember: 1, stale: "1m", waitUntil } as const
      expect(await once(manager, name, options, failing)).toBe("old")
      // Nothing that is left running fails.
      await Promise.all(works)
    }
    expect(runs).toBe(2)
    const failed = events.filter(({ type }) => type === "refresh-failed")
    expect(failed).toEqual([{ type: "refresh-failed", name: "a", error: new Error("no") }])
  })
})

describe("a value", () => {
  test("of exactly the largest size is shared, and a larger one is not, with the reason", async () => {
    const { events, locks } = recording()
    const options = { maxBytes: 4, remember: "1m" } as const
    const sourceOf = async (name: string, value: string) => {
      await once(locks, name, options, () => value)
      return (await once.detailed(locks, name, options, () => value)).source
    }
    expect(await sourceOf("a", "ab")).toBe("remembered")
    expect(events.some(({ type }) => type === "not-shared")).toBe(false)
    expect(await sourceOf("b", "abc")).toBe("ran")
    expect(events.find(({ type }) => type === "not-shared")).toEqual({
      type: "not-shared",
      name: "b",
      reason: "too-large",
      error: new RangeError("maxBytes: must be at least 5, got 4"),
    })
  })

  test("whose serialized form is not text is returned, and not shared, and the option is named", async () => {
    const { events, locks } = recording()
    const options = { serialize: () => 1 as unknown as string, remember: "1m" } as const
    for (const manager of [locks, database.locks()])
      expect(await once(manager, "a", options, () => "value")).toBe("value")
    const shared = events.filter(({ type }) => type === "not-shared")
    expect(shared).toHaveLength(1)
    expect(shared[0]).toMatchObject({ name: "a", reason: "not-serializable" })
    expect(shared[0]).toHaveProperty("error.message", expect.stringMatching(/^serialize: must be/))
  })

  test("whose time cannot be told is not remembered, which is reported if somebody listens", async () => {
    const { events, locks } = recording()
    const remember = (): number => {
      throw new Error("no")
    }
    for (const manager of [locks, database.locks()])
      expect(await once(manager, "a", { remember }, () => "value")).toBe("value")
    const shared = events.filter(({ type }) => type === "not-remembered")
    expect(shared).toEqual([{ type: "not-remembered", name: "a", error: new Error("no") }])
  })
})

test("a run that fails leaves nothing running; one whose caller gave up does", async () => {
  const failed = leftovers()
  const failing = () => {
    throw new Error("no")
  }
  const quick = { waitUntil: failed.waitUntil } as const
  await rejection(once(database.locks(), "a", quick, failing))
  const inFlight = failed.works.length

  const aborted = leftovers()
  const controller = new AbortController()
  const options = { waitUntil: aborted.waitUntil, signal: controller.signal } as const
  const slow = async () => {
    controller.abort("enough")
    await new Promise((resolve) => setTimeout(resolve, 10))
    throw new Error("no")
  }
  expect(await rejection(once(database.locks(), "b", options, slow))).toBe("enough")
  expect(aborted.works).toHaveLength(inFlight + 1)
  await Promise.all(aborted.works)
})

test("a name is forgotten, or an error says that it may not be", async () => {
  const { proxy, locks } = await database.proxied()
  await once(locks(), "a", { remember: "1m" }, () => 1)
  await forget(locks(), "a")
  expect(await once(locks(), "a", { remember: "1m" }, () => 2)).toBe(2)
  proxy.plan = everything({ kind: "request-lost" })
  const manager = locks({ timeout: 100 })
  expect(await rejection(forget(manager, "a"))).toBeInstanceOf(LockBackendError)
  const settings = LockManager.settingsOf(manager)
  const single = { database: { run: () => Promise.resolve("remembered") } }
  const store = { ...settings.store, single } as unknown as typeof settings.store
  vi.spyOn(LockManager, "settingsOf").mockReturnValue({ ...settings, store })
  const error = await rejection(forget(manager, "a"))
  expect(error).toBeInstanceOf(LockBackendError)
  expect(error).toMatchObject({ phase: "release", lockName: "a" })
})
