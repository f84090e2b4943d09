// A database that refuses, returns an invalid response or does not respond: always a LockBackendError, never a wrong result, in
// time.
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import {
  type Fetch,
  type Lock,
  LockBackendError,
  LockManager,
  type LockPhase,
} from "../../src/index.js"
import { half } from "../faults/matrix.js"
import { everything, type Fault, FaultProxy } from "../support/fault-proxy.js"
import { healthyFetch } from "../support/healthy-fetch.js"
import { acquireAtLast, durationOf, rejection } from "../support/outcomes.js"
import { type ClientName, connect, type Database, openDatabase } from "../support/variants.js"

/** For faults that are noticed only when the time is up. */
const TIMEOUT = 1_000
/** For faults with a response: at most three attempts, with pauses. */
const AMPLE_TIMEOUT = 2_000
/** The delay that a busy machine may add. */
const SLACK = 2_500

const json = (value: unknown) => JSON.stringify(value)
const replaced = (status: number, body: string, headers = {}): Fault => {
  return { kind: "replaced", executed: false, status, body, headers }
}

interface BadAnswer {
  readonly what: string
  readonly fault: Fault
  /** The status of the error; undefined if there was no response. */
  readonly status?: number
}

const HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"

const ANSWERS: readonly BadAnswer[] = [
  { what: "401", fault: replaced(401, json({ error: "WRONGPASS invalid token" })), status: 401 },
  { what: "400", fault: replaced(400, json({ error: "ERR syntax error" })), status: 400 },
  { what: "403", fault: replaced(403, json({ error: "NOPERM" })), status: 403 },
  { what: "429", fault: replaced(429, json({ error: "too many requests" })), status: 429 },
  { what: "429 as text", fault: replaced(429, "slow down"), status: 429 },
  { what: "500", fault: replaced(500, json({ error: "internal" })), status: 500 },
  { what: "a gateway's HTML", fault: replaced(502, HTML), status: 502 },
  { what: "200 with a gateway's HTML", fault: replaced(200, HTML), status: 200 },
  { what: "200 with an error", fault: replaced(200, json({ error: "ERR no" })), status: 200 },
  { what: "an empty body", fault: replaced(200, ""), status: 200 },
  { what: "204 and nothing", fault: replaced(204, ""), status: 204 },
  { what: "half a JSON", fault: replaced(200, '{"result":"O'), status: 200 },
  { what: "JSON without a result", fault: replaced(200, json({ ok: true })), status: 200 },
  { what: "a JSON null", fault: replaced(200, "null"), status: 200 },
  { what: "a JSON text", fault: replaced(200, '"OK"'), status: 200 },
  { what: "a JSON array", fault: replaced(200, "[]"), status: 200 },
  {
    what: "a result under another status",
    fault: replaced(202, json({ result: "OK" })),
    status: 202,
  },
  {
    what: "an error that is not text",
    fault: replaced(500, json({ error: { code: 1 } })),
    status: 500,
  },
  { what: "a result of another type", fault: replaced(200, json({ result: 12 })) },
  { what: "a result of another word", fault: replaced(200, json({ result: "KO" })) },
  { what: "a result of another shape", fault: replaced(200, json({ result: ["granted", 1] })) },
  {
    what: "a result with invalid numbers",
    fault: replaced(200, json({ result: ["granted", "x", ""] })),
  },
  {
    what: "a result with half a millisecond",
    fault: replaced(200, json({ result: ["held", 1.5, ""] })),
  },
  { what: "headers that never come", fault: { kind: "hang", executed: false, after: "nothing" } },
  { what: "a body that never ends", fault: { kind: "hang", executed: false, after: "half" } },
  { what: "a connection that breaks", fault: { kind: "request-lost" } },
  { what: "a connection that is reset", fault: { kind: "request-lost", by: "reset" } },
]

interface Operation {
  readonly what: string
  readonly phase: LockPhase
  readonly run: (locks: LockManager, lock: Lock) => Promise<unknown>
}

const OPERATIONS: readonly Operation[] = [
  {
    what: "acquire",
    phase: "acquire",
    run: (locks, lock) => locks.acquire(`${lock.name}!`, { wait: 0 }),
  },
  { what: "tryAcquire", phase: "acquire", run: (locks, lock) => locks.tryAcquire(`${lock.name}!`) },
  {
    what: "tryAcquire with a fencing token",
    phase: "acquire",
    run: (locks, lock) => locks.tryAcquire(`${lock.name}!`, { fencing: true }),
  },
  { what: "extend", phase: "extend", run: (_, lock) => lock.extend() },
  { what: "release", phase: "release", run: (_, lock) => lock.release() },
  {
    what: "adopt",
    phase: "adopt",
    run: (locks, { name, token }) => locks.adopt({ name, token, ttlMs: 1_000 }),
  },
]

const CLIENTS: readonly ClientName[] = ["fetch client", "@upstash/redis"]

for (const [nth, client] of CLIENTS.entries()) {
  describe.concurrent(`through the ${client}`, () => {
    let database: Database
    beforeAll(async () => {
      database = await openDatabase("embedded engine")
    })
    afterAll(() => database.close())

    const through = (url: string, timeout: number) =>
      new LockManager({ redis: connect(client, url), timeout })

    const steps = OPERATIONS.map((operation, i) => ({ ...operation, step: nth + i }))
    describe.for(steps)("$what", ({ what, phase, run, step }) => {
      // Each operation gets each answer through one of the clients.
      test.for(half(ANSWERS, step))(
        "throws LockBackendError in time for $what",
        async (answer, { task }) => {
          const proxy = await FaultProxy.open(database.url)
          try {
            const timeout = answer.status === undefined ? TIMEOUT : AMPLE_TIMEOUT
            const locks = through(proxy.url, timeout)
            const lock = await acquireAtLast(locks, `${what} ${task.id}`)
            proxy.plan = everything(answer.fault)
            const failing = run(locks, lock)
            expect(await durationOf(failing)).toBeLessThan(timeout + SLACK)
            const error = await rejection(failing)
            expect(error).toBeInstanceOf(LockBackendError)
            expect(error).toMatchObject({ name: "LockBackendError", code: "backend", phase })
            expect((error as LockBackendError).cause).toBeInstanceOf(Error)
            // A client that the user passes in does not reveal the status.
            const status = client === "fetch client" ? answer.status : undefined
            expect((error as LockBackendError).status).toBe(status)
            expect(lock.signal.aborted).toBe(false)
          } finally {
            await proxy.close()
          }
        },
      )

      test("throws LockBackendError in time if the connection is refused", async ({ task }) => {
        const proxy = await FaultProxy.open(database.url)
        const locks = through(proxy.url, TIMEOUT)
        const lock = await acquireAtLast(locks, `${what} ${task.id}`)
        await proxy.close()
        const failing = run(locks, lock)
        expect(await durationOf(failing)).toBeLessThan(TIMEOUT + SLACK)
        expect(await rejection(failing)).toMatchObject({ name: "LockBackendError", phase })
      })
    })
  })
}

test("a query that fails names its subject: one lock by its name, or all locks", async () => {
  const fetch = () => Promise.resolve(Response.json({ error: "ERR no" }, { status: 400 }))
  const redis = { url: "https://example.upstash.io", token: "t" }
  const locks = new LockManager({ redis, fetch })
  const refused = { name: "LockBackendError", phase: "query", status: 400 }
  expect(await rejection(locks.query({ name: "a" }))).toMatchObject({
    ...refused,
    lockName: "a",
    message: expect.stringMatching(/^could not query "a": .*ERR no/) as string,
  })
  expect(await rejection(locks.query())).toMatchObject({
    ...refused,
    lockName: "",
    message: expect.stringMatching(/^could not query all locks: .*ERR no/) as string,
  })
})

describe("the fetch client", () => {
  test("follows no redirect, which would carry the token elsewhere", async () => {
    const elsewhere = createServer((_, response) => response.end(json({ result: "OK" })))
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve))
    const location = `http://127.0.0.1:${String((elsewhere.address() as AddressInfo).port)}/`
    const seen: unknown[] = []
    elsewhere.on("request", (request) => seen.push(request))
    const database = await openDatabase("embedded engine")
    const proxy = await FaultProxy.open(database.url)
    const locks = new LockManager({ redis: connect("fetch client", proxy.url) })
    for (const status of [301, 302, 303, 307, 308]) {
      proxy.plan = everything(replaced(status, "", { location }))
      expect(await rejection(locks.tryAcquire("a"))).toMatchObject({ phase: "acquire", status })
    }
    expect(seen).toEqual([])
    elsewhere.close()
    await proxy.close()
    await database.close()
  })

  test("includes the reason of a failed connection in its error", async () => {
    const closed = await FaultProxy.open("http://127.0.0.1")
    await closed.close()
    const locks = new LockManager({ redis: { url: closed.url, token: "secret" } })
    const error = await rejection(locks.tryAcquire("a"))
    expect((error as Error).message).toMatch(/^could not acquire "a": fetch failed: .*ECONNREFUSED/)
  })

  test("removes the token from an error of a database that repeats it", async () => {
    const database = await openDatabase("embedded engine")
    const proxy = await FaultProxy.open(database.url)
    proxy.plan = everything(replaced(401, json({ error: "WRONGPASS no such token: s3cret" })))
    const locks = new LockManager({ redis: { url: proxy.url, token: "s3cret" } })
    const error = await rejection(locks.tryAcquire("a"))
    expect((error as Error).message).toContain("WRONGPASS")
    expect((error as Error).message).not.toContain("s3cret")
    await proxy.close()
    await database.close()
  })

  test.for<[string, (fetch: typeof globalThis.fetch) => unknown]>([
    [
      "throws at once",
      () => () => {
        throw new Error("no network")
      },
    ],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- that is the point
    ["rejects with a value that is not an error", () => () => Promise.reject("no network")],
    ["returns a value that is not a response", () => () => Promise.resolve({})],
    ["returns undefined", () => () => Promise.resolve(undefined)],
    ["ignores its signal and never settles", () => () => new Promise(() => undefined)],
  ])("treats a fetch that %s as an unreachable database", async ([, make]) => {
    const fetch = make(globalThis.fetch) as typeof globalThis.fetch
    const redis = { url: "http://127.0.0.1:9", token: "t" }
    const locks = new LockManager({ redis, fetch, timeout: TIMEOUT })
    const failing = locks.tryAcquire("a")
    expect(await durationOf(failing)).toBeLessThan(TIMEOUT + SLACK)
    expect(await rejection(failing)).toMatchObject({ name: "LockBackendError", phase: "acquire" })
  })

  test("calls the user's fetch as a function, not as a method", async () => {
    const receivers: unknown[] = []
    const fetch: Fetch = function (this: unknown, url, init) {
      receivers.push(this)
      return healthyFetch(url, init)
    }
    const locks = new LockManager({ redis: { url: "http://127.0.0.1:9", token: "t" }, fetch })
    await locks.acquire("a")
    expect(receivers).toEqual([undefined])
  })
})
