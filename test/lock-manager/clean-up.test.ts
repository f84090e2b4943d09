// Nothing stays behind: no timer, no listener, no connection, no process that cannot end, no unhandled rejection.
import { getEventListeners } from "node:events"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { LockManager } from "../../src/index.js"
import { runChild } from "../support/child.js"
import { everything, FaultProxy } from "../support/fault-proxy.js"
import { rejection, until } from "../support/outcomes.js"
import { type Database, openDatabase } from "../support/variants.js"

/** The time that an idle Node process takes to end on a busy machine: far less than any ttl here. */
const PROMPT = 8_000

let database: Database
beforeAll(async () => {
  database = await openDatabase("embedded engine")
})
afterAll(() => database.close())

describe.concurrent("a process ends by itself", () => {
  test.for([
    ["with a handle that nobody released", "await locks.acquire(name)"],
    ["with a handle that is renewed", "await locks.acquire(name, { renew: true })"],
    [
      "with a handle that is renewed, now and then, for an hour",
      "await locks.acquire(name, { ttl: '1d', renew: { maxHold: '100d' } })",
    ],
    [
      "with an adopted handle that is renewed",
      "await locks.adopt((await locks.acquire(name)).transfer(), { renew: true })",
    ],
    ["with a lock that is kept", "await (await locks.acquire(name)).keep('1h')"],
    [
      "with a lock that was transferred",
      "const lock = await locks.acquire(name, { renew: true }); lock.transfer()",
    ],
    ["after a release", "await (await locks.acquire(name, { renew: true })).release()"],
    ["after a request", "await locks.request(name, () => 'done')"],
    ["after a try that failed", "await locks.acquire(name); await locks.tryAcquire(name)"],
    [
      "after a wait that was too short",
      "await locks.acquire(name); await locks.acquire(name, { wait: 100 }).catch(() => 0)",
    ],
    [
      "after a wait that was aborted",
      `await locks.acquire(name)
       const signal = AbortSignal.timeout(200)
       await locks.acquire(name, { wait: "1h", signal }).catch(() => 0)`,
    ],
    [
      "after a wait that ended with the grant",
      `const lock = await locks.acquire(name)
       setTimeout(() => lock.release(), 200)
       await (await locks.acquire(name, { wait: "1h" })).release()`,
    ],
    [
      "after a wait by polling",
      `const lock = await locks.acquire(name)
       setTimeout(() => lock.release(), 200)
       await (await locks.acquire(name, { wait: "1h", push: false })).release()`,
    ],
    [
      "after a hold was lost",
      `const work = new Promise((resolve) => setTimeout(resolve, 800))
       await locks.request(name, { ttl: 300, renew: false }, () => work).catch(() => 0)`,
    ],
  ])("%s", async ([what, program]) => {
    const name = `child: ${String(what)}`
    const ended = await runChild(
      `const name = ${JSON.stringify(name)}
       const locks = new LockManager({ redis })
       ${String(program)}
       end()`,
      database,
    )
    expect(ended).toMatchObject({ code: 0, out: "", err: "" })
    expect(ended.lingeredMs).toBeLessThan(PROMPT)
  })

  test("after acquire and release, and holds no timer and no connection", async () => {
    const { out, code } = await runChild(
      `const locks = new LockManager({ redis })
       const lock = await locks.acquire("resources", { renew: true, ttl: "1h" })
       await lock.extend()
       await lock.release()
       await locks.request("resources", () => 1)
       await new Promise((resolve) => setImmediate(resolve))
       print(process.getActiveResourcesInfo().filter((resource) => !/Pipe|CloseReq|Immediate/.test(resource)))
       end()`,
      database,
    )
    expect(code).toBe(0)
    expect(out).toBe("[]\n")
  })
})

describe.concurrent("where timers are numbers, as in browsers and Workers", () => {
  test("locks are acquired, renewed, waited for, lost and released as elsewhere", async () => {
    const { out, err, code } = await runChild(
      `import { request } from "node:http"
       import { Readable } from "node:stream"
       const timers = new Map()
       const { setTimeout: set, clearTimeout: clear } = globalThis
       let last = 0
       globalThis.setTimeout = (callback, ms, ...args) => {
         const id = ++last
         timers.set(id, set(() => { timers.delete(id); callback(...args) }, ms))
         return id
       }
       globalThis.clearTimeout = (id) => {
         if (id !== undefined && typeof id !== "number") throw new TypeError("a timer is a number here")
         clear(timers.get(id))
         timers.delete(id)
       }
       // Node's own fetch takes its timers from the same place and needs them to be objects.
       const fetch = (url, { headers, body, method, signal }) => new Promise((resolve, reject) => {
         const sent = request(url, { headers, method, signal }, (answer) =>
           resolve(new Response(Readable.toWeb(answer), { status: answer.statusCode })))
         sent.on("error", reject).end(body)
       })
       const events = []
       const locks = new LockManager({ redis, fetch, onEvent: ({ type }) => events.push(type) })
       const lock = await locks.acquire("numbers", { ttl: "4s", renew: true })
       await new Promise((resolve) => set(resolve, 5000))
       const waiting = locks.acquire("numbers", { wait: "10s" })
       await new Promise((resolve) => set(resolve, 100))
       print(await lock.release())
       print(await (await waiting).release())
       await locks.request("numbers", { ttl: 300, renew: false }, () => new Promise(() => 0))
         .catch(({ reason }) => print(reason))
       print(events.includes("renewed"), timers.size)
       end()`,
      database,
    )
    expect({ err, code }).toEqual({ err: "", code: 0 })
    expect(out).toBe('"released"\n"released"\n"expired"\ntrue 0\n')
  })
})

describe.concurrent("no rejection goes unhandled", () => {
  test("after any failure that the caller ignores", async () => {
    // A process with an unhandled rejection ends with code 1.
    const { code, out, err } = await runChild(
      `const nowhere = { ...redis, url: "http://127.0.0.1:1" }
       const ignore = () => 0
       const healthy = new LockManager({ redis })
       const locks = new LockManager({ redis: nowhere, timeout: 200 })
       const fetch = (url, init) => globalThis.fetch(broken ? nowhere.url : url, init)
       let broken = false
       const breaking = new LockManager({ redis, fetch, timeout: 200, ttl: 700 })
       const lost = await breaking.acquire("unhandled: lost", { renew: true })
       const disposed = await breaking.acquire("unhandled: disposed")
       const requested = breaking.request("unhandled: request", () => new Promise((_, reject) => setTimeout(reject, 1500, new Error("late"))))
       requested.catch(ignore)
       await new Promise((resolve) => setTimeout(resolve, 100))
       broken = true
       await disposed[Symbol.asyncDispose]()
       await Promise.allSettled([
         locks.acquire("a"), locks.tryAcquire("a"), locks.request("a", ignore),
         locks.acquire("a", { signal: AbortSignal.timeout(50) }), locks.adopt({ name: "a", token: "fl_a_b", ttlMs: 100 }),
         lost.extend(), lost.keep("1s"), lost.release(),
       ])
       await new Promise((resolve) => setTimeout(resolve, 2500))
       print("done")
       end()`,
      database,
    )
    expect(err).toBe("")
    expect({ code, out }).toEqual({ code: 0, out: '"done"\n' })
  })
})

describe("a signal that lives longer than the calls", () => {
  test("has no additional listener after a thousand acquires", async () => {
    const { signal } = new AbortController()
    const locks = new LockManager({ redis: database, signal })
    for (let i = 0; i < 100; i++) {
      const names = Array.from({ length: 10 }, (_, n) => `listeners-${String(i)}-${String(n)}`)
      await Promise.all(names.map((name) => locks.acquire(name)))
    }
    expect(getEventListeners(signal, "abort")).toEqual([])
  })

  test("has no additional listener after waits, timeouts, failures and refusals", async () => {
    const { signal } = new AbortController()
    const proxy = await FaultProxy.open(database.url)
    const locks = new LockManager({
      redis: { url: proxy.url, token: database.token },
      timeout: 300,
    })
    const held = await locks.acquire("waits")
    const waiting = locks.acquire("waits", { signal })
    await until(() => getEventListeners(signal, "abort").length > 0)
    await rejection(locks.acquire("waits", { signal, wait: 100, interval: 20 }))
    await held.release()
    await (await waiting).release()
    await locks.request("waits", { signal }, () => "done")
    proxy.plan = everything({ kind: "hang", executed: false, after: "nothing" })
    await rejection(locks.acquire("waits", { signal, wait: 0 }))
    proxy.plan = everything({
      kind: "replaced",
      executed: false,
      status: 401,
      body: '{"error":"no"}',
    })
    await rejection(locks.acquire("waits", { signal }))
    await until(() => getEventListeners(signal, "abort").length === 0)
    await proxy.close()
  })
})
