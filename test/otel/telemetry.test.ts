// Telemetry with the real SDK of OpenTelemetry: metrics from events, spans around requests, and nothing that is secret.
import { context } from "@opentelemetry/api"
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest"
import { LockBackendError, LockManager } from "../../src/index.js"
import { once } from "../../src/once/index.js"
import { telemetry, type TelemetryOptions } from "../../src/otel/index.js"
import { FaultProxy } from "../support/fault-proxy.js"
import { abortion, everythingSaidBy, rejection, until } from "../support/outcomes.js"
import { type Database, openDatabase } from "../support/variants.js"
import { Isolate } from "../workerd/isolate.js"
import { type Series, startSdk } from "./sdk.js"

let database: Database

beforeAll(async () => {
  database = await openDatabase("embedded engine")
})
afterAll(() => database.close())

const kindOf = (name: string) => name.split(":")[0]

/** Telemetry over a fresh SDK, and a manager that reports to it. */
function open(options: Partial<TelemetryOptions> = {}) {
  const sdk = startSdk()
  onTestFinished(() => {
    context.disable()
  })
  const { onEvent, trace } = telemetry({ meter: sdk.meter, tracer: sdk.tracer, ...options })
  const locks = new LockManager({ redis: database, onEvent })
  return { ...sdk, onEvent, trace, locks }
}

/** The series by its attributes' values, in order. */
function tableOf(series: readonly Series[] = []): Record<string, unknown> {
  return Object.fromEntries(
    series.map(({ attributes, value }) => [
      Object.values(attributes).join(" "),
      typeof value === "number" ? value : value.count,
    ]),
  )
}

describe("metrics", () => {
  test("count how calls and holds end, and how many wait and hold now", async () => {
    const { locks, metrics } = open({ label: kindOf })
    const others = new LockManager({ redis: database })
    const lock = await locks.acquire("order:1")
    await locks.tryAcquire("order:1")
    await rejection(locks.acquire("order:1", { wait: 200 }))
    await rejection(locks.acquire("order:1", { signal: AbortSignal.abort() }))
    const waiting = others.acquire("order:1").then((next) => next.release())
    const queued = locks.acquire("order:1")
    await until(async () => tableOf((await metrics())["fetchlock.waiters"])["order"] === 1)
    expect(tableOf((await metrics())["fetchlock.holds"])).toEqual({ order: 1 })
    await lock.release()
    await waiting
    const stolen = await queued
    await others.forceRelease("order:1")
    await rejection(stolen.extend())
    await stolen.release()
    const kept = await locks.acquire("job:1", { ttl: "2s" })
    await kept.keep("3s")
    const transferred = await locks.acquire("job:2")
    const adopted = await locks.adopt(transferred.transfer())
    await adopted.release()
    const all = await metrics()
    expect(tableOf(all["fetchlock.acquires"])).toEqual({
      "order granted": 2,
      "order busy": 1,
      "order timeout": 1,
      "order aborted": 1,
      "job granted": 3,
    })
    expect(tableOf(all["fetchlock.acquire.duration"])).toEqual(tableOf(all["fetchlock.acquires"]))
    expect(tableOf(all["fetchlock.hold.duration"])).toEqual({
      "order released": 1,
      "order lost": 1,
      "job kept": 1,
      "job transferred": 1,
      "job released": 1,
    })
    expect(tableOf(all["fetchlock.losses"])).toEqual({ "order stolen": 1 })
    expect(tableOf(all["fetchlock.holds"])).toEqual({ order: 0, job: 0 })
    expect(tableOf(all["fetchlock.waiters"])).toEqual({ order: 0 })
  })

  test("are in seconds", async () => {
    const { onEvent, metrics } = open()
    const efforts = { name: "a", waitedMs: 1_500, requests: 1, wasQueued: false }
    onEvent({ type: "granted", ...efforts, fencingToken: undefined })
    onEvent({ type: "released", name: "a", result: "released", heldMs: 250 })
    const all = await metrics()
    const [waiting] = all["fetchlock.acquire.duration"] ?? []
    const [holding] = all["fetchlock.hold.duration"] ?? []
    expect(waiting?.value).toMatchObject({ count: 1, sum: 1.5 })
    expect(holding?.value).toMatchObject({ count: 1, sum: 0.25 })
  })

  test("tell a database that failed, and a release that did", async () => {
    const { onEvent, metrics } = open()
    const { url, token } = database
    const proxy = await FaultProxy.open(url)
    onTestFinished(() => proxy.close())
    const locks = new LockManager({ redis: { url: proxy.url, token }, onEvent })
    const lock = await locks.acquire("not released")
    proxy.plan = () => ({ kind: "replaced", executed: false, status: 401, body: "{}" })
    await rejection(lock.release())
    expect(await rejection(locks.tryAcquire("b"))).toBeInstanceOf(LockBackendError)
    const all = await metrics()
    expect(tableOf(all["fetchlock.acquires"])).toEqual({ granted: 1, error: 1 })
    expect(tableOf(all["fetchlock.hold.duration"])).toEqual({ "release-failed": 1 })
    expect(tableOf(all["fetchlock.holds"])).toEqual({ "": 0 })
  })

  test("count the calls of once that got another one's result", async () => {
    const { locks, metrics } = open()
    await once(locks, "shared", { remember: "1m" }, () => 1)
    await once(locks, "shared", { remember: "1m" }, () => 2)
    const all = await metrics()
    expect(tableOf(all["fetchlock.acquires"])).toEqual({ granted: 1, remembered: 1 })
  })
})

describe("spans", () => {
  test("are one for the wait and one for the hold, with the callback's spans below the hold", async () => {
    const { locks, trace, tracer, spans } = open({ label: kindOf })
    await tracer.startActiveSpan("handler", async (handler) => {
      const value = await trace(locks).request("order:1", { wait: "5s" }, async (lock) => {
        await tracer.startActiveSpan("charge", async (charge) => {
          await lock.extend()
          charge.end()
        })
        return lock.name
      })
      expect(value).toBe("order:1")
      handler.end()
    })
    const [acquire, charge, hold] = spans()
    expect(spans().map(({ name, parent }) => `${String(parent)} > ${name}`)).toEqual([
      "handler > fetchlock.acquire",
      "fetchlock.hold > charge",
      "handler > fetchlock.hold",
      "undefined > handler",
    ])
    expect(acquire?.attributes).toEqual({
      "fetchlock.lock": "order",
      "fetchlock.outcome": "granted",
    })
    expect(hold?.attributes).toEqual({ "fetchlock.lock": "order" })
    expect(hold?.ms).toBeGreaterThanOrEqual(charge?.ms ?? Infinity)
    expect(spans().every(({ isError }) => !isError)).toBe(true)
  })

  test("cover the permits of a semaphore, with its name", async () => {
    const { locks, trace, spans } = open({ label: kindOf })
    await trace(locks.semaphore("exports:pdf", 2)).request((permit) => {
      expect(permit.mode).toBe("shared")
    })
    expect(spans().map(({ name, attributes }) => [name, attributes["fetchlock.lock"]])).toEqual([
      ["fetchlock.acquire", "exports"],
      ["fetchlock.hold", "exports"],
    ])
  })

  test("tell that a wait has ended without the lock, by the kind of its error alone", async () => {
    const { locks, trace, spans } = open()
    const lock = await locks.acquire("held")
    const { request } = trace(locks)
    expect(await request("held", { ifAvailable: true }, (held) => held)).toBeNull()
    await rejection(request("held", { wait: 100 }, () => undefined))
    await rejection(request("held", { signal: AbortSignal.abort() }, () => undefined))
    await rejection(request("held", { ttl: -1 }, () => undefined))
    await rejection(request("held", "no function" as never))
    await lock.release()
    expect(spans().map(({ name, attributes, isError }) => [name, attributes, isError])).toEqual([
      ["fetchlock.acquire", { "fetchlock.outcome": "busy" }, false],
      ["fetchlock.acquire", { "error.type": "LockTimeoutError" }, true],
      ["fetchlock.acquire", { "error.type": "AbortError" }, true],
      ["fetchlock.acquire", { "error.type": "RangeError" }, true],
    ])
  })

  test("tell that a callback failed, without its message, and that a hold was lost, with the reason", async () => {
    const { locks, trace, spans } = open()
    const failed = new TypeError("the password is swordfish")
    const failing = trace(locks).request("a", () => Promise.reject(failed))
    expect(await rejection(failing)).toBe(failed)
    const throwing = trace(locks).request("a", () => {
      throw failed
    })
    expect(await rejection(throwing)).toBe(failed)
    const thrown = trace(locks).request("a", () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- any value may be thrown
      throw null
    })
    expect(await rejection(thrown)).toBeNull()
    const losing = trace(locks).request("b", { ttl: 300, renew: false }, (lock) =>
      abortion(lock.signal),
    )
    await rejection(losing)
    const holds = spans().filter(({ name }) => name === "fetchlock.hold")
    expect(holds.map(({ attributes }) => attributes)).toEqual([
      { "error.type": "TypeError" },
      { "error.type": "TypeError" },
      { "error.type": "Error" },
      { "error.type": "LockLostError", "fetchlock.reason": "expired" },
    ])
    expect(holds.every(({ isError, message }) => isError && message === undefined)).toBe(true)
    expect(everythingSaidBy(spans())).not.toContain("swordfish")
  })

  test("never name a lock or a token unless the label does", async () => {
    const { locks, trace, spans, metrics } = open()
    const tokens: string[] = []
    await trace(locks).request("patient:jane", (lock) => void tokens.push(lock.token))
    const said = everythingSaidBy(spans()) + everythingSaidBy(await metrics())
    expect(said).not.toContain("jane")
    expect(said).not.toContain(tokens[0])
    expect(said).not.toContain(locks.clientId)
  })
})

describe("a label function", () => {
  test("that throws, or returns no text, harms nothing", async () => {
    const labels = [
      () => {
        throw new Error("no")
      },
      () => 7 as never,
    ]
    for (const label of labels) {
      const { locks, trace, spans, metrics } = open({ label })
      const logged = vi.spyOn(console, "error").mockReturnValue()
      expect(await trace(locks).request("a", () => "done")).toBe("done")
      expect(logged).not.toHaveBeenCalled()
      logged.mockRestore()
      expect(spans()[0]?.attributes["fetchlock.lock"]).toBe("label-failed")
      expect(tableOf((await metrics())["fetchlock.holds"])).toEqual({ "label-failed": 0 })
      context.disable()
    }
  })

  test("that returns undefined adds no attribute", async () => {
    const { locks, metrics } = open({ label: () => undefined })
    await (await locks.acquire("a")).release()
    expect(tableOf((await metrics())["fetchlock.holds"])).toEqual({ "": 0 })
  })
})

describe("options", () => {
  const method = () => undefined

  test.each([
    [undefined, "meter, tracer: at least one of them is required"],
    [{}, "meter, tracer: at least one of them is required"],
    ["meter", "options: must be an object"],
    [{ meter: null }, "meter: must be an object with createHistogram(), got null"],
    [{ meter: {} }, "meter: must be an object with createHistogram(), got an object"],
    [
      { meter: { createHistogram: method, createCounter: method } },
      "meter: must be an object with createUpDownCounter(), got an object",
    ],
    [{ tracer: "t" }, 'tracer: must be an object with startSpan(), got "t"'],
    [
      { tracer: { startSpan: method } },
      "tracer: must be an object with startActiveSpan(), got an object",
    ],
    [
      { tracer: { startSpan: method, startActiveSpan: method }, label: "a" },
      "label: must be a func",
    ],
  ])("%o are refused", (options, message) => {
    expect(() => telemetry(options as never)).toThrow(message)
  })

  test("only a meter gives no spans, and only a tracer no metrics", () => {
    const { meter, tracer } = startSdk()
    onTestFinished(() => {
      context.disable()
    })
    const locks = new LockManager({ redis: database })
    expect(telemetry({ meter }).trace(locks)).toBe(locks)
    const { onEvent } = telemetry({ tracer })
    const event = { type: "lost", name: "a", reason: "taken", heldMs: 1 } as const
    expect(() => {
      onEvent(event)
    }).not.toThrow()
  })

  test("a value without a request cannot be traced", () => {
    const { trace } = open()
    for (const locks of [undefined, null, {}]) {
      expect(() => trace(locks as never)).toThrow("locks: must be a LockManager or a Semaphore")
    }
  })
})

test("a Worker reports its metrics and spans, and nests them", async () => {
  const isolate = await Isolate.start({
    worker: new URL("./worker.ts", import.meta.url),
    env: { UPSTASH_REDIS_REST_URL: database.url, UPSTASH_REDIS_REST_TOKEN: database.token },
    compatibilityFlags: ["nodejs_compat"],
  })
  onTestFinished(() => isolate.stop())
  const response = await isolate.fetch("/")
  const { metrics, spans } = (await response.json()) as {
    metrics: Record<string, Series[]>
    spans: { name: string; parent?: string }[]
  }
  expect(tableOf(metrics["fetchlock.acquires"])).toEqual({ "order granted": 1, "order busy": 1 })
  expect(tableOf(metrics["fetchlock.holds"])).toEqual({ order: 0 })
  expect(spans.map(({ name, parent }) => `${String(parent)} > ${name}`)).toEqual([
    "handler > fetchlock.acquire",
    "fetchlock.hold > charge",
    "handler > fetchlock.hold",
    "undefined > handler",
  ])
}, 60_000)
