// Idempotent routes, as whole requests: handled once for each key, and repeated byte by byte.
import { setTimeout as sleep } from "node:timers/promises"
import { Hono } from "hono"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { withIdempotency, withLock } from "../../../src/http/handler.js"
import { idempotency, lock } from "../../../src/http/hono/index.js"
import { everything } from "../../support/fault-proxy.js"
import type { LockEvent } from "../../../src/index.js"
import { problemOf } from "../guard/adapters.js"
import { sending } from "../guard/bodies.js"
import { embedded, type Opened } from "../../support/variants.js"
import { adapters, type PlainOptions } from "./adapters.js"

let database: Opened
beforeAll(async () => {
  database = await embedded.open()
})
afterAll(() => database.close())

let keys = 0
const newKey = () => `key-${String(keys++)}`

function post(key: string | undefined, body = "1", path = "/pay"): Request {
  const headers = new Headers(key === undefined ? {} : { "Idempotency-Key": key })
  return new Request(`https://shop.example${path}`, { method: "POST", headers, body })
}

/** A handler that counts its runs. */
function counting(respond = (n: number) => new Response(`run ${String(n)}`, { status: 201 })) {
  const state = { runs: 0 }
  return { state, work: () => respond(++state.runs) }
}

const rot13 = (letter: string) => String.fromCharCode(((letter.charCodeAt(0) - 97 + 13) % 26) + 97)

/** Work that ends when it is told to. */
function gated() {
  const state = { runs: 0 }
  let open!: () => void
  const gate = new Promise<void>((resolve) => (open = resolve))
  const work = async () => {
    const run = ++state.runs
    await gate
    return new Response(`run ${String(run)}`)
  }
  return { state, open, work }
}

describe.each(adapters)("$name", ({ route }) => {
  const on = (
    options: Partial<PlainOptions>,
    work: (request: Request) => Response | Promise<Response>,
  ) => route({ locks: database.locks(), scope: "none", ...options }, work)

  test("a repeat gets the stored status, headers and bytes, and is marked as a replay", async () => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i % 256)
    const headers = { "Content-Type": "application/x-any", "X-Order": "7", Date: "today" }
    const { state, work } = counting(() => {
      const response = new Response(bytes, { status: 201, headers })
      response.headers.append("Set-Cookie", "session=secret")
      response.headers.set("X-Hop", "1")
      response.headers.set("Connection", "close, X-Hop")
      return response
    })
    const ask = on({}, work)
    const key = newKey()
    const first = await ask(post(key))
    const repeat = await ask(post(key))
    expect(state.runs).toBe(1)
    expect(first.headers.get("Idempotent-Replayed")).toBeNull()
    expect(first.headers.getSetCookie()).toEqual(["session=secret"])
    expect(new Uint8Array(await first.arrayBuffer())).toEqual(bytes)
    expect(repeat.status).toBe(201)
    expect(Object.fromEntries(repeat.headers)).toEqual({
      "content-type": "application/x-any",
      "x-order": "7",
      "idempotent-replayed": "true",
    })
    expect(new Uint8Array(await repeat.arrayBuffer())).toEqual(bytes)
  })

  test("of two concurrent requests and a later one with the same key, the handler runs once", async () => {
    const { state, open, work } = gated()
    const ask = on({}, work)
    const key = newKey()
    const first = ask(post(key))
    await vi.waitFor(() => {
      expect(state.runs).toBe(1)
    })
    const second = await ask(post(key))
    expect(second.headers.get("Retry-After")).toMatch(/^[1-5]$/)
    expect(await problemOf(second)).toMatchObject({ type: "idempotency-busy", status: 409 })
    open()
    expect(await (await first).text()).toBe("run 1")
    const later = await ask(post(key))
    expect(await later.text()).toBe("run 1")
    expect(later.headers.get("Idempotent-Replayed")).toBe("true")
    expect(state.runs).toBe(1)
  })

  test("with `wait`, a concurrent request gets the same response", async () => {
    const { state, open, work } = gated()
    const ask = on({ wait: "10s" }, work)
    const key = newKey()
    const asked = [1, 2, 3].map(() => ask(post(key)))
    await vi.waitFor(() => {
      expect(state.runs).toBe(1)
    })
    await sleep(50)
    open()
    const responses = await Promise.all(asked)
    expect(await Promise.all(responses.map((response) => response.text()))).toEqual(
      Array(3).fill("run 1"),
    )
    const replayed = responses.filter(({ headers }) => headers.has("Idempotent-Replayed"))
    expect(replayed).toHaveLength(2)
    expect(state.runs).toBe(1)
  })

  test("a request without a key gets a 400, or is handled each time if keys are optional", async () => {
    const { state, work } = counting()
    expect(await problemOf(await on({}, work)(post(undefined)))).toMatchObject({
      type: "idempotency-key-missing",
      status: 400,
    })
    expect(state.runs).toBe(0)
    const ask = on({ required: false }, work)
    await ask(post(undefined))
    await ask(post(undefined))
    expect(state.runs).toBe(2)
  })

  test.for(["", '""', "a b", "ä", '"a', 'a"b', "x".repeat(256), "a, b"])(
    "the key %j gets a 400",
    async (key) => {
      const { state, work } = counting()
      expect(await problemOf(await on({}, work)(post(key)))).toMatchObject({
        type: "idempotency-key-invalid",
        status: 400,
      })
      expect(state.runs).toBe(0)
    },
  )

  test("a quoted key, as in the draft, is the same key as without quotes", async () => {
    const { state, work } = counting()
    const ask = on({}, work)
    const key = newKey()
    await ask(post(key))
    expect(await (await ask(post(`"${key}"`))).text()).toBe("run 1")
    expect((await ask(post(newKey().padEnd(255, "x")))).status).toBe(201)
    expect((await ask(post(`"${newKey()} with \\"quotes\\""`))).status).toBe(201)
    expect(state.runs).toBe(3)
  })

  test("the same key with another body, path or method gets a 422", async () => {
    const { state, work } = counting()
    const ask = on({}, work)
    const key = newKey()
    await ask(post(key))
    const others = [
      post(key, "2"),
      post(key, "1", "/pay?twice=1"),
      new Request(post(key), { method: "PUT" }),
    ]
    for (const other of others) {
      expect(await problemOf(await ask(other))).toMatchObject({
        type: "idempotency-mismatch",
        status: 422,
      })
    }
    expect(state.runs).toBe(1)
  })

  test("a custom fingerprint decides which payloads are the same", async () => {
    const { state, work } = counting()
    const ask = on({ fingerprint: ({ method }) => method }, work)
    const key = newKey()
    await ask(post(key, "1"))
    expect(await (await ask(post(key, "2"))).text()).toBe("run 1")
    expect(state.runs).toBe(1)
  })

  test("keys of two scopes never collide, and a missing scope is refused", async () => {
    const { state, work } = counting()
    const scope = (request: Request) => request.headers.get("X-User") ?? undefined
    const ask = on({ scope }, work)
    const as = (user: string, key: string) => {
      const request = post(key)
      request.headers.set("X-User", user)
      return ask(request)
    }
    const key = newKey()
    expect(await (await as("a", `b:${key}`)).text()).toBe("run 1")
    expect(await (await as("a:b", key)).text()).toBe("run 2")
    expect(await (await as("b", `b:${key}`)).text()).toBe("run 3")
    expect(await (await as("a", `b:${key}`)).text()).toBe("run 1")
    expect(await (await ask(post("b:c"))).text()).toContain("scope: must be a non-empty string")
    const half = on({ scope: () => "a\ud800" }, work)
    expect(await (await half(post("b:c"))).text()).toContain("scope: must be a non-empty string")
    expect(state.runs).toBe(3)
  })

  test("a response with status 500 or with Retry-After is not kept; one with status 404 is", async () => {
    const answers: readonly [number, Record<string, string>, number][] = [
      [500, {}, 2],
      [423, { "Retry-After": "1" }, 2],
      [404, {}, 1],
    ]
    for (const [status, headers, runs] of answers) {
      const { state, work } = counting(() => new Response("no", { status, headers }))
      const ask = on({}, work)
      const key = newKey()
      await ask(post(key))
      expect((await ask(post(key))).status).toBe(status)
      expect(state.runs).toBe(runs)
    }
  })

  test("`keep` decides which responses are kept", async () => {
    const { state, work } = counting()
    const ask = on({ keep: ({ status }) => status !== 201 }, work)
    const key = newKey()
    await ask(post(key))
    await ask(post(key))
    expect(state.runs).toBe(2)
  })

  test("a handler that throws does not use up its key", async () => {
    const { state, work } = counting((n) => {
      if (n === 1) throw new Error("out of luck")
      return new Response("done")
    })
    const ask = on({}, work)
    const key = newKey()
    expect(await (await ask(post(key))).text()).toContain("out of luck")
    expect(await (await ask(post(key))).text()).toBe("done")
    expect(state.runs).toBe(2)
  })

  test("what is stored can be encrypted, and is an error where it cannot be decrypted", async () => {
    const { state, work } = counting()
    // Each way there is the way back.
    const turn = (text: string) => Promise.resolve(text.replace(/[a-z]/g, rot13))
    const turned = await turn("content-type")
    const key = newKey()
    const ask = on({ encrypt: turn, decrypt: turn }, work)
    expect(await (await ask(post(key))).text()).toBe("run 1")
    expect(await (await ask(post(key))).text()).toBe("run 1")
    const stored = String(await database.command("GET", `{lock:idempotency::${key}}:result`))
    expect(stored).not.toContain("content-type")
    expect(stored).toContain(turned)
    const another = { encrypt: turn, decrypt: () => Promise.reject(new Error("another secret")) }
    const failed = await on(another, work)(post(key))
    expect(await problemOf(failed)).toMatchObject({ type: "lock-unavailable", status: 503 })
    expect(state.runs).toBe(1)
  })

  test.for([
    ["throws", () => Promise.reject(new Error("no key"))],
    ["returns a text that cannot be stored", () => "\ud800"],
    ["returns far more than it got", (text: string) => text.repeat(9)],
  ] as const)("a handled request is not handled again if encrypt %s", async ([, encrypt]) => {
    const { state, work } = counting(() => new Response("x".repeat(30_000)))
    const key = newKey()
    const events: LockEvent[] = []
    const locks = database.locks({ onEvent: (event) => events.push(event) })
    const options = { locks, encrypt, decrypt: String, maxBytes: 30_000 }
    const ask = on(options, work)
    expect((await ask(post(key))).status).toBe(200)
    expect(await problemOf(await ask(post(key)))).toMatchObject({
      type: "idempotency-unavailable",
      status: 409,
    })
    expect(state.runs).toBe(1)
    expect(events).toContainEqual(
      expect.objectContaining({ type: "not-shared", reason: "not-serializable" }),
    )
    const retrying = on({ ...options, onTooLarge: "retry" }, work)
    const another = newKey()
    for (let i = 0; i < 2; i++) expect((await retrying(post(another))).status).toBe(200)
    expect(state.runs).toBe(3)
  })

  test("the handler can read the body", async () => {
    const ask = on({}, async (request) => new Response(`got ${await request.text()}`))
    expect(await (await ask(post(newKey(), "a body"))).text()).toBe("got a body")
  })

  test.for([
    ["too large", { maxBytes: 3 }, 413, "the body must have at most 3 bytes"],
    ["too slow", { timeout: 100 }, 408, "the body did not arrive within 100 ms"],
  ] as const)(
    "a body that is %s is refused, and does not use up its key",
    async ([, body, status, detail]) => {
      const { state, work } = counting()
      const key = newKey()
      const { request, send } = sending({ "Idempotency-Key": key })
      const asked = on({ body }, work)(request)
      send("maxBytes" in body ? "four" : "f")
      expect(await problemOf(await asked)).toMatchObject({ type: "bad-request", status, detail })
      expect(state.runs).toBe(0)
      expect(await (await on({ body }, work)(post(key, "123"))).text()).toBe("run 1")
    },
  )

  test("a body that is still being sent does not claim its key, except when it is streamed", async () => {
    const key = newKey()
    const slow = sending({ "Idempotency-Key": key })
    const fingerprint = () => "the same"
    const ahead = on(
      { fingerprint },
      async (request) => new Response(await request.text()),
    )(slow.request)
    slow.send("slow")
    // A body that has arrived overtakes it.
    expect(await (await on({ fingerprint }, counting().work)(post(key))).text()).toBe("run 1")
    slow.end()
    expect(await (await ahead).text()).toBe("run 1")
    const streamed = sending({ "Idempotency-Key": newKey() })
    let isHandled = false
    const options = { fingerprint, body: "streamed" } as const
    const asked = on(options, async (request) => {
      isHandled = true
      return new Response(await request.text())
    })(streamed.request)
    await vi.waitFor(() => {
      expect(isHandled).toBe(true)
    })
    streamed.send("late")
    streamed.end()
    expect(await (await asked).text()).toBe("late")
  })

  test("a response without a body is repeated without a body", async () => {
    const ask = on({}, () => new Response(null, { status: 204 }))
    const key = newKey()
    await ask(post(key))
    const repeat = await ask(post(key))
    expect([repeat.status, repeat.body]).toEqual([204, null])
  })

  test("a body of exactly maxBytes is repeated, whatever it takes when it is stored", async () => {
    const { state, work } = counting(() => new Response("x".repeat(10_000)))
    const ask = on({ maxBytes: 10_000 }, work)
    const key = newKey()
    for (let i = 0; i < 2; i++) expect(await (await ask(post(key))).text()).toHaveLength(10_000)
    expect(state.runs).toBe(1)
  })

  test("a body larger than maxBytes reaches its client, and a repeat is refused, or handled by option", async () => {
    const large = "x".repeat(300_000)
    const { state, work } = counting(() => new Response(large))
    const key = newKey()
    const ask = on({ maxBytes: 1_000 }, work)
    expect(await (await ask(post(key))).text()).toBe(large)
    expect(await problemOf(await ask(post(key)))).toMatchObject({
      type: "idempotency-unavailable",
      status: 409,
    })
    expect(state.runs).toBe(1)
    const retrying = on({ maxBytes: 1_000, onTooLarge: "retry" }, work)
    const another = newKey()
    await retrying(post(another))
    expect(await (await retrying(post(another))).text()).toBe(large)
    expect(state.runs).toBe(3)
  })

  test("a stream arrives while it is written, and is repeated as a whole", async () => {
    let end!: () => void
    const ended = new Promise<void>((resolve) => (end = resolve))
    const work = () =>
      new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(new TextEncoder().encode("one "))
            await ended
            controller.enqueue(new TextEncoder().encode("two"))
            controller.close()
          },
        }),
      )
    const ask = on({ answer: "before-store" }, work)
    const key = newKey()
    const reader = (await ask(post(key))).body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("one ")
    expect((await ask(post(key))).status).toBe(409)
    end()
    await vi.waitFor(async () => {
      expect(await (await ask(post(key))).text()).toBe("one two")
    })
  })

  test("after a crash a repeat is handled again, or gets an error that says that the outcome is unknown", async () => {
    const { state, work } = counting()
    for (const [onCrash, status] of [
      ["retry", 201],
      ["fail", 500],
    ] as const) {
      const key = newKey()
      const run = `{lock:idempotency::${key}}:run`
      // A process that died a second ago.
      await database.command("SET", run, "fl_crashed_1 1 - 60000", "PX", "59000")
      const response = await on({ onCrash }, work)(post(key))
      expect(response.status).toBe(status)
      if (onCrash === "fail") {
        expect(await problemOf(response)).toMatchObject({ type: "idempotency-unknown" })
      }
    }
    expect(state.runs).toBe(1)
  })

  test("with `fail`, a crash is remembered for as long as a response would be", async () => {
    const { open, work } = gated()
    const key = newKey()
    const asked = on({ onCrash: "fail", remember: "2h", ttl: "30s" }, work)(post(key))
    const run = `{lock:idempotency::${key}}:run`
    await vi.waitFor(async () => {
      expect(Number(await database.command("PTTL", run))).toBeGreaterThan(7_200_000)
    })
    open()
    await asked
  })

  test("while the database is down, requests get a 503, or are handled by option", async () => {
    const { proxy, locks } = await database.proxied()
    proxy.plan = everything({ kind: "request-lost" })
    const { state, work } = counting()
    const down = locks({ timeout: 200 })
    expect(await problemOf(await on({ locks: down }, work)(post(newKey())))).toMatchObject({
      type: "lock-unavailable",
      status: 503,
    })
    expect(state.runs).toBe(0)
    expect((await on({ locks: down, failOpen: true }, work)(post(newKey()))).status).toBe(201)
  })

  test("a record that another program wrote is an error, not a response", async () => {
    const { state, work } = counting()
    const key = newKey()
    await database.command("SET", `{lock:idempotency::${key}}:result`, "something", "PX", "9000")
    expect((await on({}, work)(post(key))).status).toBe(503)
    expect(state.runs).toBe(0)
  })

  test.for<[Record<string, unknown>, string]>([
    [{ scope: undefined }, "scope: must be"],
    [{ scope: "user" }, "scope: must be"],
    [{ locks: {} }, "locks: must be"],
    [{ keep: 1 }, "keep: must be a function"],
    [{ fingerprint: "x" }, "fingerprint: must be a function"],
    [{ encrypt: "x", decrypt: String }, "encrypt: must be a function"],
    [{ decrypt: String }, "encrypt: must be given together with decrypt"],
    [{ onCrash: "die" }, "onCrash: must be one of"],
    [{ onTooLarge: "x" }, "onTooLarge: must be one of"],
    [{ answer: "never" }, "answer: must be one of"],
    [{ required: "yes" }, "required: must be one of"],
    [{ remember: 0 }, "remember: must be"],
    [{ wait: -1 }, "wait: must be"],
    [{ maxBytes: 0 }, "maxBytes: must be"],
    [{ body: "never" }, 'body: must be "streamed" or { maxBytes, timeout }'],
    [{ body: { maxBytes: 0 } }, "body.maxBytes: must be"],
    [{ body: "streamed" }, 'fingerprint: must be given with body: "streamed"'],
  ])("invalid options are refused when the route is created: %j", ([options, message]) => {
    // Bypasses the scope that the adapter of these tests adds.
    const given = { locks: database.locks(), scope: "none", ...options } as never
    expect(() => idempotency(given)).toThrow(message)
    expect(() => withIdempotency(() => new Response(), given)).toThrow(message)
  })
})

test("in front of a lock, a repeat needs no lock, and a refusal by the lock is not kept", async () => {
  const locks = database.locks()
  const { state, work } = counting()
  const handler = withIdempotency(withLock(work, { locks, name: "guarded" }), {
    locks,
    scope: "none",
  })
  const app = new Hono()
  app.post("*", idempotency({ locks, scope: "none" }), lock({ locks, name: "guarded" }), () =>
    work(),
  )
  for (const ask of [handler, async (request: Request) => app.fetch(request)]) {
    const before = state.runs
    const key = newKey()
    const held = await locks.acquire("guarded")
    expect((await ask(post(key))).status).toBe(423)
    await held.release()
    expect((await ask(post(key))).status).toBe(201)
    const again = await locks.acquire("guarded", { wait: "5s" })
    expect((await ask(post(key))).status).toBe(201)
    await again.release()
    expect(state.runs).toBe(before + 1)
  }
})

test("a body that Hono has read is fingerprinted; a body that was read without Hono is an error", async () => {
  const locks = database.locks()
  const app = new Hono()
  app.onError((error, c) => c.text(error.message, 500))
  app.use("/cached", async (c, next) => {
    await c.req.text()
    await next()
  })
  app.use("/raw", async (c, next) => {
    await c.req.raw.text()
    await next()
  })
  app.post("*", idempotency({ locks, scope: "none" }), async (c) => c.text(await c.req.text()))
  const key = newKey()
  expect(await (await app.fetch(post(key, "a", "/cached"))).text()).toBe("a")
  expect((await app.fetch(post(key, "b", "/cached"))).status).toBe(422)
  expect((await app.fetch(post(newKey(), "a", "/raw"))).status).toBe(500)
})

test("the promise that the runtime's waitUntil gets ends when the response is stored", async () => {
  const works: Promise<unknown>[] = []
  const handler = withIdempotency(
    (...[request]: [Request, object, { waitUntil(work: Promise<unknown>): void }]) =>
      new Response(request.url),
    { locks: database.locks(), scope: "none" },
  )
  const context = { waitUntil: (work: Promise<unknown>) => void works.push(work) }
  await handler(post(newKey()), {}, context)
  expect(works.length).toBeGreaterThan(0)
  await Promise.all(works)
})
