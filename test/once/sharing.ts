// The promises of `once` about results: which caller gets which, on each engine and over each client.
import { createHash } from "node:crypto"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { LockEvent } from "../../src/index.js"
import { forget, once, OnceMismatchError, OnceRunError } from "../../src/once/index.js"
import { onceKeys } from "../../src/redis/keys.js"
import { sleep } from "../../src/time/timers.js"
import { EventCount } from "../support/event-count.js"
import { rejection, until } from "../support/outcomes.js"
import type { Opened, Variant } from "../support/variants.js"
import { gathering } from "./gathering.js"

export function sharing(variant: Variant): void {
  let database: Opened
  beforeAll(async () => {
    database = await variant.open()
  })
  afterAll(() => database.close())

  /** A run that counts its calls and takes a while. */
  const counting = (ms = 50) => {
    const state = { runs: 0 }
    const run = async () => {
      state.runs++
      await sleep(ms)
      return { run: state.runs }
    }
    return { state, run }
  }

  test("concurrent callers share one run", async () => {
    let runs = 0
    const { onEvent, gathered } = gathering(4)
    const run = async () => {
      runs++
      await gathered
      return { run: runs }
    }
    const managers = [1, 2, 3, 4, 5].map(() => database.locks({ onEvent }))
    const results = await Promise.all(managers.map((locks) => once.detailed(locks, "shared", run)))
    expect(runs).toBe(1)
    expect(results.map(({ value }) => value)).toEqual(Array(5).fill({ run: 1 }))
    expect(results.map(({ source }) => source).sort()).toEqual([
      ...Array<string>(4).fill("joined"),
      "ran",
    ])
  })

  test("the message of an earlier run that comes late is ignored", async () => {
    const name = "late message"
    await once(database.locks(), name, () => "early")
    const [leader = "", record = ""] = onceKeys("lock:", name)
    const late = String(await database.command("GET", record))
    const channel = `fetchlock-${createHash("sha1").update(leader).digest("hex")}`
    let end: (value: string) => void = () => undefined
    const current = new Promise<string>((resolve) => (end = resolve))
    const { onEvent, gathered } = gathering(1)
    const running = once(database.locks(), name, () => current)
    await until(async () => (await database.command("EXISTS", leader)) === 1)
    const joining = once(database.locks({ onEvent }), name, () => "a second run")
    await gathered
    // It has a listener as soon as the stream is open; without streams there is none.
    for (let i = 0; i < 10; i++) {
      await database.command("PUBLISH", channel, late)
      await sleep(30)
    }
    end("current")
    expect(await Promise.all([running, joining])).toEqual(["current", "current"])
  })

  test("a call after the run runs again, unless the value is remembered", async () => {
    const locks = database.locks()
    const { state, run } = counting(0)
    await once(locks, "again", run)
    expect(await once.detailed(locks, "again", { remember: "1m" }, run)).toEqual({
      value: { run: 2 },
      source: "ran",
    })
    expect(await once.detailed(locks, "again", run)).toEqual({
      value: { run: 2 },
      source: "remembered",
    })
    expect(state.runs).toBe(2)
  })

  test("a value is remembered for as long as the function says", async () => {
    const locks = database.locks()
    const { state, run } = counting(0)
    const options = { remember: ({ run }: { run: number }) => (run === 1 ? 1 : 60_000) }
    await once(locks, "for a while", options, run)
    await sleep(5)
    await once(locks, "for a while", options, run)
    await once(locks, "for a while", options, run)
    expect(state.runs).toBe(2)
  })

  test("undefined and text of all kinds are returned unchanged", async () => {
    const values = [
      undefined,
      null,
      0,
      "",
      "17",
      '"a"',
      "a\nb\u2028c,d",
      "héllo 😀",
      "x".repeat(20_000),
    ]
    for (const [i, value] of values.entries()) {
      const name = `text ${i}`
      const { onEvent, gathered } = gathering(1)
      const calls = [1, 2].map(() =>
        once(database.locks({ onEvent }), name, { remember: "1m" }, async () => {
          await gathered
          return value
        }),
      )
      expect(await Promise.all(calls)).toEqual([value, value])
      expect(await once(database.locks(), name, () => "another")).toBe(value)
    }
  })

  test("text that is not JSON travels in messages and records, including line breaks", async () => {
    const options = {
      remember: "1m",
      serialize: (value: string) => value,
      deserialize: (text: string) => text,
    } as const
    for (const [i, value] of ["", "free", "read", "17", "{}", "a\r\nb", "end"].entries()) {
      const { onEvent, gathered } = gathering(2)
      const calls = [1, 2, 3].map(() =>
        once(database.locks({ onEvent }), `plain ${i}`, options, async () => {
          await gathered
          return value
        }),
      )
      expect(await Promise.all(calls)).toEqual([value, value, value])
    }
  })

  test("an error goes to the callers that wait, and not to the next one", async () => {
    let runs = 0
    const { onEvent, gathered } = gathering(2)
    const fail = async () => {
      runs++
      await gathered
      throw Object.assign(new RangeError("too far"), { code: "E_FAR", secret: "s" })
    }
    const errors = await Promise.all(
      [1, 2, 3].map(() => rejection(once(database.locks({ onEvent }), "failing", fail))),
    )
    expect(runs).toBe(1)
    const shared = errors.filter((error) => error instanceof OnceRunError)
    expect(shared).toHaveLength(2)
    for (const error of shared) {
      expect(error).toMatchObject({ name: "RangeError", message: "too far", code: "E_FAR" })
      expect(error).not.toHaveProperty("secret")
    }
    expect(await once(database.locks(), "failing", () => "better")).toBe("better")
  })

  test("an error is shared without the tokens in it, and cut off", async () => {
    const { onEvent, gathered } = gathering(1)
    const managers = [database.locks({ onEvent }), database.locks({ onEvent })]
    let token = ""
    const errors = await Promise.all(
      managers.map((locks) =>
        rejection(
          once(locks, "talkative", async (lock) => {
            token = lock.token
            await gathered
            throw new Error(`failed with ${token}: ${"x".repeat(5_000)}`)
          }),
        ),
      ),
    )
    const shared = errors.find((error) => error instanceof OnceRunError)
    expect(shared?.message).toMatch(/^failed with fl_…: x+$/)
    expect(shared?.message).toHaveLength(1_000)
    const records = await database.command("GET", onceKeys("lock:", "talkative")[1] ?? "")
    expect(records).not.toContain(token)
  })

  test("an error is remembered on request", async () => {
    const options = { rememberErrors: "1m" } as const
    const fail = () => Promise.reject(new TypeError("no"))
    expect(await rejection(once(database.locks(), "no", options, fail))).toBeInstanceOf(TypeError)
    const error = await rejection(once(database.locks(), "no", () => "yes"))
    expect(error).toBeInstanceOf(OnceRunError)
    expect(error).toMatchObject({ name: "TypeError", message: "no", code: undefined })
  })

  test("a stale value is served while one caller replaces it", async () => {
    const { state, run } = counting(100)
    const work: Promise<unknown>[] = []
    const locks = database.locks({ waitUntil: (promise) => work.push(promise) })
    const options = { remember: 50, stale: "1m" } as const
    await once(locks, "old", options, run)
    await sleep(60)
    const results = await Promise.all(
      [1, 2, 3].map(() => once.detailed(locks, "old", options, run)),
    )
    expect(results).toEqual(Array(3).fill({ value: { run: 1 }, source: "stale" }))
    await Promise.all(work)
    expect(state.runs).toBe(2)
    expect(await once.detailed(locks, "old", options, run)).toMatchObject({ value: { run: 2 } })
    await Promise.all(work)
  })

  test("a refresh that fails leaves the stale value, and is reported", async () => {
    const events: LockEvent[] = []
    const work: Promise<unknown>[] = []
    const locks = database.locks({
      waitUntil: (promise) => work.push(promise),
      onEvent: (event) => events.push(event),
    })
    const options = { stale: "1m" } as const
    await once(locks, "kept", options, () => 1)
    const fail = () => Promise.reject(new Error("down"))
    expect(await once(locks, "kept", options, fail)).toBe(1)
    await Promise.all(work)
    expect(events).toContainEqual(expect.objectContaining({ type: "refresh-failed", name: "kept" }))
    expect(await once(locks, "kept", options, () => 2)).toBe(1)
    await Promise.all(work)
    expect(await once(locks, "kept", options, () => 3)).toBe(2)
    await Promise.all(work)
  })

  test("another fingerprint is refused, during the run and while its result is remembered", async () => {
    const options = (fingerprint: string) => ({ remember: "1m", fingerprint }) as const
    const { run } = counting(0)
    await once(database.locks(), "payload", options("a"), async () => {
      const refused = await rejection(once(database.locks(), "payload", options("b"), run))
      expect(refused).toBeInstanceOf(OnceMismatchError)
      return run()
    })
    expect(await rejection(once(database.locks(), "payload", options("b"), run))).toBeInstanceOf(
      OnceMismatchError,
    )
    expect(await once(database.locks(), "payload", options("a"), run)).toEqual({ run: 1 })
    expect(await once(database.locks(), "payload", run)).toEqual({ run: 1 })
  })

  test("each call has one event at its end: granted, served or not granted", async () => {
    const count = new EventCount()
    const events: LockEvent[] = []
    const locks = database.locks({
      onEvent: (event) => {
        count.onEvent(event)
        events.push(event)
      },
    })
    const of = (wanted: string) => events.filter(({ type }) => type === wanted)
    const options = { remember: "1m" } as const
    count.begun = 8
    let finish!: (value: string) => void
    const finished = new Promise<string>((resolve) => (finish = resolve))
    const leading = once(locks, "counted", options, () => finished)
    await until(() => of("granted").length === 1)
    const joined = once(locks, "counted", options, () => "other")
    await until(() => of("queued").length === 1)
    const timedOut = once(locks, "counted", { wait: 50 }, () => "other")
    expect(await rejection(timedOut)).toMatchObject({ code: "timeout" })
    finish("value")
    await Promise.all([leading, joined])
    await once(locks, "counted", options, () => "other")
    const signal = AbortSignal.abort("enough")
    await rejection(once(locks, "counted", { signal }, () => "other"))
    const failure = new Error("no")
    const failed = { rememberErrors: "1m" } as const
    await rejection(once(locks, "counted failure", failed, () => Promise.reject(failure)))
    await rejection(once(locks, "counted failure", failed, () => "other"))
    // This call cannot read the stored text.
    const unreadable = { deserialize: () => JSON.parse("{") as string }
    await rejection(once(locks, "counted", unreadable, () => "other"))
    expect(count.miscounted()).toEqual([])
    expect(count.open).toEqual([])
    const ends = [...of("served"), ...of("not-granted")].map((event) =>
      event.type === "served" ? event.source : event.type === "not-granted" && event.reason,
    )
    expect(ends.sort()).toEqual(
      ["aborted", "error", "joined", "remembered", "remembered", "timeout"].sort(),
    )
  })

  test("a forgotten name runs again, and a run in progress is not disturbed", async () => {
    const locks = database.locks()
    const { run } = counting(0)
    const options = { remember: "1m", stale: "1m" } as const
    await forget(locks, "forgotten")
    await once(locks, "forgotten", options, run)
    await forget(database.locks(), "forgotten")
    expect(await once.detailed(locks, "forgotten", options, run)).toEqual({
      value: { run: 2 },
      source: "ran",
    })
    const { onEvent, gathered } = gathering(1)
    const leading = once(locks, "going on", async () => {
      await gathered
      await forget(database.locks(), "going on")
      return "first"
    })
    const joined = once(database.locks({ onEvent }), "going on", () => gathered.then(() => "other"))
    const values = await Promise.all([leading, joined])
    expect(new Set(values).size).toBe(1)
  })

  test("the run's lock is held, fenced and renewed", async () => {
    const events: LockEvent[] = []
    const locks = database.locks({ onEvent: (event) => events.push(event) })
    const fences: number[] = []
    for (let i = 0; i < 2; i++) {
      await once(locks, "lock", { ttl: 3_000, fencing: true }, async (lock) => {
        fences.push(lock.fencingToken)
        expect(lock.name).toBe("lock")
        await sleep(1_200)
        expect(lock.signal.aborted).toBe(false)
        expect(lock.remainingMs).toBeGreaterThan(0)
      })
    }
    expect(fences[1]).toBeGreaterThan(fences[0] ?? Infinity)
    const types = events.map(({ type }) => type)
    expect(types).toEqual(expect.arrayContaining(["granted", "renewed", "released"]))
    expect(types).not.toContain("lost")
  })

  test("no key is left without a ttl, and none under a lock's name", async () => {
    await once(database.locks(), "keys", { remember: "1m", fencing: true }, () => 1)
    const keys = (await database.command("KEYS", "*keys*")) as string[]
    expect(keys.sort()).toEqual(["{lock:keys}:fence", "{lock:keys}:result"])
    for (const key of keys) {
      expect(Number(await database.command("PTTL", key)), key).toBeGreaterThan(0)
    }
    // A lock of that name is free.
    expect(await database.locks().tryAcquire("keys")).not.toBeNull()
  })
}
