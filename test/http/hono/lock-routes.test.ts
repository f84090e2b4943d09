// The lock service as its clients see it: whole requests, over loopback if the connection matters.
import { once } from "node:events"
import { type AddressInfo, connect } from "node:net"
import { serve } from "@hono/node-server"
import { type Context, Hono } from "hono"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { LockManager } from "../../../src/index.js"
import {
  lock,
  type LockAttempt,
  lockRoutes,
  type LockRoutesOptions,
} from "../../../src/http/hono/index.js"
import { problemOf } from "../guard/adapters.js"
import { sending } from "../guard/bodies.js"
import { always, everything, inOrder } from "../../support/fault-proxy.js"
import { until } from "../../support/outcomes.js"
import { granted, scriptedStore } from "../../support/scripted-store.js"
import { embedded, type Opened } from "../../support/variants.js"

let database: Opened
let names = 0
const unique = () => `service ${String(names++)}`
const path = (name: string) => `/locks/${encodeURIComponent(name)}`

beforeAll(async () => {
  database = await embedded.open()
})
afterAll(() => database.close())

/** A client of a service. */
function service(options: Partial<LockRoutesOptions> = {}) {
  const app = new Hono()
  const all = { locks: database.locks(), authorize: () => true, ...options }
  app.route("/locks", lockRoutes(all))
  const ask = async (method: string, url: string, init: RequestInit = {}) =>
    app.request(url, { method, ...init })
  const send = (method: string, name: string, body?: unknown, token?: string) =>
    ask(method, path(name), {
      headers: {
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...(token !== undefined && { "Lock-Token": token }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  return { ask, send }
}

const tokenOf = (response: Response) => response.headers.get("Lock-Token") ?? "none"

describe("a manager that is closed", () => {
  test("refuses to acquire with a 503, and still inspects, extends and releases", async () => {
    const locks = database.locks()
    const { send } = service({ locks })
    const name = unique()
    const token = tokenOf(await send("POST", name))
    expect(await locks.releaseAll()).toEqual({ released: 0, failed: 0 })
    const refused = await send("POST", unique())
    expect(refused.headers.get("Retry-After")).toMatch(/^[1-5]$/)
    expect(await problemOf(refused)).toEqual({
      type: "lock-unavailable",
      status: 503,
      detail: "This server is shutting down.",
    })
    expect(await (await send("GET", name)).json()).toMatchObject({ isHeld: true })
    expect((await send("PATCH", name, {}, token)).status).toBe(200)
    expect((await send("DELETE", name, undefined, token)).status).toBe(204)
  })
})

describe("the life of a hold", () => {
  test("costs one request to the database for each of acquire, extend, inspect and release", async () => {
    const { proxy, locks } = await database.proxied()
    const { send } = service({ locks: locks() })
    const name = unique()
    const requests = () => proxy.log.splice(0).length

    const acquired = await send("POST", name, { ttl: "20s" })
    expect(acquired.status).toBe(201)
    expect(acquired.headers.get("Cache-Control")).toBe("no-store")
    const token = tokenOf(acquired)
    expect(token).toMatch(/^<fetchlock:fl_[\w-]+>$/)
    const body = (await acquired.json()) as Record<string, unknown>
    expect(body).toEqual({
      name,
      remainingMs: expect.any(Number) as number,
      waitedMs: expect.any(Number) as number,
    })
    expect(body["remainingMs"]).toBeGreaterThan(15_000)
    expect(body["remainingMs"]).toBeLessThan(20_000)
    expect(requests()).toBe(1)

    const extended = await send("PATCH", name, { ttl: "2m" }, token)
    expect(extended.status).toBe(200)
    const { remainingMs } = (await extended.json()) as { remainingMs: number }
    expect(remainingMs).toBeGreaterThan(110_000)
    expect(requests()).toBe(1)

    const inspected = await send("GET", name)
    expect(await inspected.json()).toEqual({
      name,
      isHeld: true,
      remainingMs: expect.any(Number) as number,
      waiting: 0,
    })
    expect(requests()).toBe(1)

    expect((await send("DELETE", name, undefined, token)).status).toBe(204)
    expect(requests()).toBe(1)
    expect(await (await send("GET", name)).json()).toMatchObject({ isHeld: false, remainingMs: 0 })
  })

  test("needs no state in the service: another instance extends and releases", async () => {
    const name = unique()
    const token = tokenOf(await service().send("POST", name))
    const { send } = service()
    expect((await send("PATCH", name, undefined, token)).status).toBe(200)
    expect((await send("DELETE", name, undefined, token)).status).toBe(204)
  })

  test("includes a fencing token on request", async () => {
    const response = await service().send("POST", unique(), { fencing: true })
    const { fencingToken } = (await response.json()) as { fencingToken: number }
    expect(fencingToken).toBeGreaterThan(0)
  })

  test("a held lock gets a 423 at once, or after the wait", async () => {
    const { send } = service()
    const name = unique()
    await send("POST", name)
    for (const wait of [0, 300]) {
      const response = await send("POST", name, { wait })
      expect(response.headers.get("Retry-After")).toMatch(/^[1-5]$/)
      expect(await problemOf(response)).toMatchObject({ type: "lock-busy", status: 423 })
    }
  })

  test("a waiter is granted the whole ttl when its turn comes, and learns how long it waited", async () => {
    const { send } = service()
    const name = unique()
    const first = tokenOf(await send("POST", name))
    const second = send("POST", name, { wait: "15s", ttl: "1m" })
    await until(async () => (await database.locks().inspect(name)).waiting === 1)
    expect((await send("DELETE", name, undefined, first)).status).toBe(204)
    const granted = await second
    const { remainingMs, waitedMs } = (await granted.json()) as {
      remainingMs: number
      waitedMs: number
    }
    expect(granted.status).toBe(201)
    expect(remainingMs).toBeGreaterThan(50_000)
    expect(waitedMs).toBeGreaterThan(0)
    // Not the lease of a hand-off: no one would extend that.
    expect(await database.command("PTTL", `lock:${name}`)).toBeGreaterThan(50_000)
    expect((await send("DELETE", name, undefined, tokenOf(granted))).status).toBe(204)
  })

  test("a grant whose extension gets no reply is a failure, and leaves the name free", async () => {
    const { proxy, locks } = await database.proxied()
    const { send } = service({ locks: locks() })
    const name = unique()
    const holder = await database.locks().acquire(name)
    const asked = send("POST", name, { wait: "15s", ttl: "1m" })
    await until(async () => (await database.locks().inspect(name)).waiting === 1)
    proxy.plan = always("extend", { kind: "hang", executed: true, after: "nothing" })
    await holder.release()
    expect(await problemOf(await asked)).toMatchObject({ status: 503, type: "lock-unavailable" })
    expect(proxy.seen("extend").length).toBeGreaterThan(0)
    // The extension was executed: without a release the name would be locked for a minute, for nobody.
    await until(async () => !(await database.locks().inspect(name)).isHeld)
  })

  test("a client that disconnects while it waits leaves the queue", async () => {
    const { ask, send } = service()
    const name = unique()
    await send("POST", name)
    const client = new AbortController()
    const headers = { "Content-Type": "application/json" }
    const body = '{"wait":15000}'
    const asked = ask("POST", path(name), { headers, body, signal: client.signal })
    await until(async () => (await database.locks().inspect(name)).waiting === 1)
    client.abort()
    expect((await asked).status).toBe(499)
    await until(async () => (await database.locks().inspect(name)).waiting === 0)
  })

  test("a hold that is deleted during its acquire gets a 409, with one of the documented reasons", async () => {
    const store = scriptedStore({
      tryAcquire: [granted(20_000)],
      extend: [() => Promise.resolve("gone" as const)],
      release: [() => Promise.resolve("gone" as const)],
    })
    const locks = new LockManager({ redis: { openStore: () => store } })
    const response = await service({ locks }).send("POST", unique(), { ttl: "30s" })
    expect(response.status).toBe(409)
    expect(await problemOf(response)).toMatchObject({ type: "lock-not-held", reason: "gone" })
  })

  test("a token that does not hold the lock gets a 409 that says whether another holder has it", async () => {
    const { send } = service()
    const name = unique()
    const token = tokenOf(await send("POST", name))
    await send("DELETE", name, undefined, token)
    for (const method of ["PATCH", "DELETE"]) {
      const response = await send(method, name, undefined, token)
      expect(await problemOf(response)).toMatchObject({ type: "lock-not-held", reason: "gone" })
    }
    await send("POST", name)
    for (const method of ["PATCH", "DELETE"]) {
      const response = await send(method, name, undefined, token)
      expect(response.status).toBe(409)
      expect(await problemOf(response)).toMatchObject({ type: "lock-not-held", reason: "taken" })
    }
  })

  test("a release whose reply from the database is lost still counts as a release", async () => {
    const { proxy, locks } = await database.proxied()
    const { send } = service({ locks: locks() })
    const name = unique()
    const token = tokenOf(await send("POST", name))
    proxy.plan = inOrder("release", { kind: "reply-lost" })
    expect((await send("DELETE", name, undefined, token)).status).toBe(204)
  })

  test("a hold of the library can be handed to a client, and back", async () => {
    const { send } = service()
    const lock = await database.locks().acquire(unique())
    const transfer = lock.transfer()
    const token = `<fetchlock:${transfer.token}>`
    expect((await send("PATCH", lock.name, { ttl: "1m" }, token)).status).toBe(200)
    const back = await database.locks().adopt(transfer)
    expect(await back.release()).toBe("released")
  })
})

describe("names", () => {
  test.each(["a/b", "ä ö", "100%", "%2F", "a?b#c", "+", "🔒", " ", "a".repeat(1_000), "..a"])(
    "may contain any text: %j",
    async (name) => {
      const { send } = service()
      const response = await send("POST", name, { ttl: "1m" })
      expect(await response.json()).toMatchObject({ name })
      expect(await database.command("EXISTS", `lock:${name}`)).toBe(1)
      expect((await send("DELETE", name, undefined, tokenOf(response))).status).toBe(204)
    },
  )

  test.each([
    ["/locks/", 400, "name: must not be empty: the path ends with the lock's name"],
    ["/locks/%FF", 400, "name: must be percent-encoded UTF-8"],
    ["/locks/%", 400, "name: must be percent-encoded UTF-8"],
    ["/locks/a/b", 404, "The path must end with the lock's name as one segment"],
    ["/locks/-a", 400, "name: must not begin with a hyphen"],
    [`/locks/${"a".repeat(33_000)}`, 400, "name: must have at most 32758 bytes"],
  ])("cannot be sent as %.20s", async (url, status, detail) => {
    const problem = await problemOf(await service().ask("POST", url))
    expect(problem["status"]).toBe(status)
    expect(problem["detail"]).toContain(detail)
  })
})

describe("an invalid request", () => {
  const json = "application/json"

  test.each<[string, string | undefined, BodyInit, number, string]>([
    ["no JSON", json, "{ttl:1}", 400, "the body is not valid JSON"],
    ["no object", json, "[]", 400, "the body must be a JSON object, got an array"],
    ["null", json, "null", 400, "the body must be a JSON object, got null"],
    ["no such member", json, '{"tll":1}', 400, 'unknown property "tll"; allowed: ttl,'],
    ["a ttl of the wrong type", json, '{"ttl":true}', 400, "ttl: must be milliseconds or text"],
    ["a ttl that is null", json, '{"ttl":null}', 400, "ttl: must be milliseconds or text"],
    ["a ttl without unit", json, '{"ttl":"30"}', 400, "ttl: must be milliseconds or text such as"],
    ["too short a ttl", json, '{"ttl":1}', 400, "ttl: must be from 10 to 300000 ms, got 1"],
    ["too long a ttl", json, '{"ttl":"6m"}', 400, "ttl: must be from 10 to 300000 ms, got 6m"],
    ["too long a wait", json, '{"wait":"1h"}', 400, "wait: must be from 0 to 20000 ms, got 1h"],
    ["a negative wait", json, '{"wait":-1}', 400, "wait: must be from 0 to 20000 ms, got -1"],
    ["fencing as text", json, '{"fencing":"no"}', 400, 'fencing: must be a boolean, got "no"'],
    ["a form", "application/x-www-form-urlencoded", "ttl=1", 415, "must be application/json, got"],
    ["no type", undefined, new Uint8Array([123, 125]), 415, 'must be application/json, got ""'],
    ["no UTF-8", json, new Uint8Array([34, 255, 34]), 400, "the body is not valid UTF-8"],
    ["too much", json, JSON.stringify("x".repeat(1_024)), 413, "must have at most 1024 bytes"],
  ])("is refused: %s", async (_, type, body, status, detail) => {
    const name = unique()
    const headers = type === undefined ? [] : [["Content-Type", type] as [string, string]]
    const response = await service().ask("POST", path(name), { headers, body })
    const problem = await problemOf(response)
    expect([problem["type"], problem["status"]]).toEqual(["bad-request", status])
    expect(problem["detail"]).toContain(detail)
    expect(await database.command("EXISTS", `lock:${name}`)).toBe(0)
  })

  test("an endless body is read no further than the limit", async () => {
    let pulled = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++
        controller.enqueue(new Uint8Array(512).fill(32))
      },
    })
    const init = { headers: { "Content-Type": json }, body, duplex: "half" }
    const response = await service().ask("POST", path(unique()), init)
    expect(response.status).toBe(413)
    expect(pulled).toBeLessThan(10)
  })

  test.each(["", "{}", " {} "])("the body %j is valid, and asks for the defaults", async (body) => {
    const headers = { "Content-Type": `${json}; charset=utf-8` }
    const { status } = await service().ask("POST", path(unique()), { headers, body })
    expect(status).toBe(201)
  })

  test.each([
    [undefined, "Lock-Token: this header is missing"],
    ["fl_a_b", "Lock-Token: must be the value from the acquire's response"],
    ["<fl_a_b>", "Lock-Token: must be the value from the acquire's response"],
    ["<fetchlock:fl_a_b+>", "Lock-Token: must be the value from the acquire's response"],
    ["<fetchlock:a stranger's>", "Lock-Token: must be the value from the acquire's response"],
  ])("the token %j is refused by extend and release", async (token, detail) => {
    for (const method of ["PATCH", "DELETE"]) {
      const problem = await problemOf(await service().send(method, unique(), undefined, token))
      expect(problem["status"]).toBe(400)
      expect(problem["detail"]).toContain(detail)
      if (token !== undefined) expect(problem["detail"]).not.toContain(token)
    }
  })

  test("a foreign hold cannot be released with its value", async () => {
    const name = unique()
    await database.command("SET", `lock:${name}`, "fl_stranger+", "PX", "60000")
    const response = await service().send("DELETE", name, undefined, "<fetchlock:fl_strange>")
    expect(response.status).toBe(409)
    expect(await database.command("EXISTS", `lock:${name}`)).toBe(1)
  })
})

describe("cross-site requests", () => {
  const form = "application/x-www-form-urlencoded"
  const other = { Origin: "https://evil.example" }
  const json = { "Content-Type": "application/json" }

  test.each<[string, HeadersInit, number]>([
    ["a form without fields", { "Content-Type": form }, 415],
    ["a form without fields, of another site", { ...other, "Content-Type": form }, 415],
    ["a form with files", { "Content-Type": "multipart/form-data; boundary=a" }, 415],
    ["plain text", { "Content-Type": "text/plain" }, 415],
    ["a script of another site", other, 415],
    ["a page without an origin", { Origin: "null" }, 415],
    ["a browser's word: another site", { "Sec-Fetch-Site": "cross-site" }, 415],
    ["a browser's word: a sister site", { "Sec-Fetch-Site": "same-site" }, 415],
    ["a browser's word: the same origin", { "Sec-Fetch-Site": "same-origin" }, 201],
    ["the same origin, behind a proxy that ends TLS", { Origin: "https://localhost" }, 201],
    ["JSON, which CORS asks for first", { ...other, ...json, "Sec-Fetch-Site": "cross-site" }, 201],
    ["curl without a body", {}, 201],
  ])(
    "an acquire without a body is accepted from trusted senders only: %s",
    async (_, headers, status) => {
      const name = unique()
      const response = await service().ask("POST", path(name), { headers })
      expect(response.status).toBe(status)
      expect(await database.command("EXISTS", `lock:${name}`)).toBe(status === 201 ? 1 : 0)
    },
  )

  test("a script of another site that CORS admits can extend and release without a body", async () => {
    const { send, ask } = service()
    const name = unique()
    const token = tokenOf(await send("POST", name))
    const headers = { ...other, "Lock-Token": token }
    expect((await ask("PATCH", path(name), { headers })).status).toBe(200)
    expect((await ask("DELETE", path(name), { headers })).status).toBe(204)
  })
})

describe("over a real connection", () => {
  test("a body that breaks off gets a 499, and is not an error of the app", async () => {
    const statuses: number[] = []
    const errors: unknown[] = []
    const app = new Hono()
    app.use(async (c, next) => {
      await next()
      statuses.push(c.res.status)
    })
    app.onError((error, c) => {
      errors.push(error)
      return c.text("failed", 500)
    })
    app.route("/locks", lockRoutes({ locks: database.locks(), authorize: () => true }))
    app.post("/work", lock({ locks: database.locks(), name: unique() }), (c) => c.text("done"))
    const { socket, close } = await connection(app)
    for (const [index, url] of [path(unique()), "/work"].entries()) {
      const client = await socket()
      client.write(head(url, 'Content-Length: 9\r\n\r\n{"tt'))
      await new Promise((resolve) => setTimeout(resolve, 50))
      client.destroy()
      await until(() => statuses.length === index + 1)
    }
    await close()
    expect([statuses, errors]).toEqual([[499, 499], []])
  })

  test("a body that is too large gets its response before the connection ends", async () => {
    const app = new Hono()
    app.route("/locks", lockRoutes({ locks: database.locks(), authorize: () => true }))
    const { socket, close } = await connection(app)
    const client = await socket()
    let answer = ""
    client.on("data", (data) => (answer += String(data)))
    const piece = "8".repeat(2_048)
    client.write(head(path(unique()), "Transfer-Encoding: chunked\r\n\r\n"))
    client.write(`800\r\n${piece}\r\n`)
    await until(() => answer.includes("at most 1024 bytes"))
    expect(answer).toContain("HTTP/1.1 413")
    client.destroy()
    await close()
  })

  const head = (url: string, rest: string) =>
    `POST ${url} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${rest}`

  async function connection(app: Hono) {
    const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 })
    if (!server.listening) await once(server, "listening")
    const { port } = server.address() as AddressInfo
    const socket = async () => {
      const client = connect(port, "127.0.0.1")
      client.on("error", () => undefined)
      await once(client, "connect")
      return client
    }
    return { socket, close: () => new Promise((resolve) => server.close(resolve)) }
  }
})

describe("methods", () => {
  test("with names of JavaScript's own properties are refused", async () => {
    for (const method of ["constructor", "toString", "__proto__"]) {
      const response = await service().send(method, unique())
      expect(await problemOf(response)).toMatchObject({ type: "method-not-allowed", status: 405 })
    }
  })

  test("do nothing on a path without a name, also in an app that is not strict", async () => {
    const app = new Hono({ strict: false })
    app.route("/locks", lockRoutes({ locks: database.locks(), authorize: () => true }))
    const response = await app.request("/locks/a/", { method: "POST" })
    expect(await problemOf(response)).toMatchObject({ type: "bad-request", status: 400 })
  })

  test("include HEAD, which is GET without the body", async () => {
    const response = await service().send("HEAD", unique())
    expect([response.status, await response.text()]).toEqual([200, ""])
  })

  test("are listed by OPTIONS, others get a 405", async () => {
    const options = await service().send("OPTIONS", "a")
    const put = await service().send("PUT", "a")
    const allow = "GET, HEAD, POST, PATCH, DELETE, OPTIONS"
    expect([options.status, options.headers.get("Allow")]).toEqual([204, allow])
    expect([put.status, put.headers.get("Allow")]).toEqual([405, allow])
    expect(await problemOf(put)).toMatchObject({ type: "method-not-allowed" })
  })
})

describe("authorize", () => {
  const options = () => ({ locks: database.locks() })

  test("is required", () => {
    expect(() => lockRoutes(options() as never)).toThrow(
      "authorize: must be a function that authorizes a request, got undefined",
    )
    // @ts-expect-error -- it is required
    expect(() => lockRoutes(options())).toThrow(TypeError)
  })

  test("gets the request, the operation and the lock's name, each time", async () => {
    const attempts: LockAttempt[] = []
    const { send } = service({
      authorize: (_, attempt) => {
        attempts.push(attempt)
        return true
      },
    })
    const name = "a/ü"
    const token = tokenOf(await send("POST", name))
    await send("PATCH", name, undefined, token)
    await send("DELETE", name, undefined, token)
    await send("GET", name)
    await send("HEAD", name)
    const operations = ["acquire", "extend", "release", "inspect", "inspect"]
    expect(attempts).toEqual(operations.map((operation) => ({ operation, name })))
  })

  test.each([
    false,
    undefined,
    1,
    "true",
    null,
    { role: "admin" },
    { status: 200 },
    [],
    new Boolean(true),
  ])("refuses if it returns %o", async (answer) => {
    const { proxy, locks } = await database.proxied()
    const { send } = service({ locks: locks(), authorize: () => answer as boolean })
    for (const method of ["POST", "PATCH", "DELETE", "GET"]) {
      const response = await send(method, unique(), undefined, "<fetchlock:fl_a_b>")
      expect(await problemOf(response)).toMatchObject({ type: "forbidden", status: 403 })
    }
    expect(proxy.log).toHaveLength(0)
  })

  test.each<[string, (c: Context) => Promise<unknown>]>([
    ["through the context", (c) => c.req.text()],
    ["as JSON", async (c) => c.req.method !== "DELETE" && (await c.req.json<object>())],
    ["from the request itself", (c) => c.req.raw.text()],
    ["not at all", () => Promise.resolve()],
  ])("may read the body, %s, and the service reads it as well", async (_, read) => {
    const bodies: unknown[] = []
    const { send } = service({
      authorize: async (c) => {
        bodies.push(await read(c))
        return true
      },
    })
    const name = unique()
    const acquired = await send("POST", name, { ttl: "2m" })
    expect(acquired.status).toBe(201)
    expect(await database.command("PTTL", `lock:${name}`)).toBeGreaterThan(110_000)
    const token = tokenOf(acquired)
    expect((await send("PATCH", name, { ttl: "4m" }, token)).status).toBe(200)
    expect(await database.command("PTTL", `lock:${name}`)).toBeGreaterThan(230_000)
    expect((await send("DELETE", name, undefined, token)).status).toBe(204)
    expect(bodies).toHaveLength(3)
  })

  test("works after a middleware that has read the body", async () => {
    const app = new Hono()
    app.use(async (c, next) => {
      await c.req.text()
      await next()
    })
    const locks = database.locks()
    app.route("/", lockRoutes({ locks, authorize: () => true, maxBodyBytes: 20 }))
    const headers = { "Content-Type": "application/json" }
    const ask = (body: string) => app.request("/a%20b%20c", { method: "POST", headers, body })
    expect((await ask('{"ttl":"0000000000000010s"}')).status).toBe(413)
    const response = await ask('{"ttl":"20s"}')
    const { remainingMs } = (await response.json()) as { remainingMs: number }
    expect(remainingMs).toBeLessThanOrEqual(20_000)
  })

  test("cannot be made to read an endless body", async () => {
    const { ask } = service({ authorize: async (c) => (await c.req.text()) === "" })
    const { request, send } = sending({ "Content-Type": "application/json" })
    send("x".repeat(2_000))
    const response = await ask("POST", path(unique()), {
      headers: request.headers,
      body: request.body,
      duplex: "half",
    } as RequestInit)
    expect(response.status).toBe(413)
  })

  test("may respond by itself, and may fail", async () => {
    const own = () => Promise.resolve(new Response("who are you?", { status: 401 }))
    expect((await service({ authorize: own }).send("GET", "a")).status).toBe(401)
    const fails = () => Promise.reject(new Error("no session store"))
    expect((await service({ authorize: fails }).send("GET", "a")).status).toBe(500)
  })
})

describe("bounds and failures", () => {
  test("bounds are options", async () => {
    const { send } = service({ maxTtl: "10s", maxWait: 0, maxBodyBytes: 20 })
    const name = unique()
    const details = []
    for (const body of [{ ttl: "11s" }, { wait: 1 }, { ttl: "0000000000000010s" }]) {
      details.push((await problemOf(await send("POST", name, body)))["detail"])
    }
    expect(details).toEqual([
      "ttl: must be from 10 to 10000 ms, got 11s",
      "wait: must be from 0 to 0 ms, got 1",
      "the body must have at most 20 bytes",
    ])
    await send("POST", name)
    // The default ttl obeys the bound as well.
    expect(await database.command("PTTL", `lock:${name}`)).toBeLessThanOrEqual(10_000)
  })

  test.each([
    ["maxTtl", 1, RangeError],
    ["maxTtl", "soon", TypeError],
    ["maxWait", -1, RangeError],
    ["maxWait", Infinity, RangeError],
    ["maxBodyBytes", 1, RangeError],
    ["maxBodyBytes", "1k", RangeError],
    ["locks", {}, TypeError],
  ])("%s cannot be %o", (option, value, type) => {
    const options = { locks: database.locks(), authorize: () => true, [option]: value }
    const make = () => lockRoutes(options)
    expect(make).toThrow(type)
    expect(make).toThrow(new RegExp(`^${option}: .* got `))
  })

  test("the manager may be created from the context", async () => {
    const app = new Hono()
    const locks = (c: { env: object }) => LockManager.fromEnv(c.env)
    app.route("/", lockRoutes({ locks, authorize: () => true }))
    const { url, token } = database
    const env = { KV_REST_API_URL: url, KV_REST_API_TOKEN: token }
    expect((await app.request("/a%20b", { method: "GET" }, env)).status).toBe(200)
  })

  test("a database that fails gets a 503, for each operation", async () => {
    const { proxy, locks } = await database.proxied()
    proxy.plan = everything({ kind: "request-lost", by: "reset" })
    const { send } = service({ locks: locks() })
    for (const method of ["POST", "PATCH", "DELETE", "GET"]) {
      const response = await send(method, unique(), undefined, "<fetchlock:fl_a_b>")
      expect(response.headers.get("Retry-After")).toMatch(/^[1-5]$/)
      expect(await problemOf(response)).toMatchObject({ type: "lock-unavailable", status: 503 })
    }
  })

  test("no problem response ever reveals a token", async () => {
    const { send } = service()
    const name = unique()
    const token = tokenOf(await send("POST", name))
    const others = [
      await send("POST", name),
      await send("GET", name),
      await send("DELETE", name, undefined, "<fetchlock:fl_a_b>"),
      await send("PATCH", name, { ttl: 1 }, token),
    ]
    for (const response of others) {
      const said = JSON.stringify([...response.headers]) + (await response.text())
      expect(said).not.toContain("fl_")
    }
  })
})
