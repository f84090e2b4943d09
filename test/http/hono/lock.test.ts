// The parts of the middleware that are specific to Hono: the context, its types, and its use with other middleware.
import { lock } from "../../../src/http/hono/index.js"
import { type FencedLock, type Lock, LockManager } from "../../../src/index.js"
import { keepingContext, openWork, problemOf } from "../guard/adapters.js"
import { abortion, until } from "../../support/outcomes.js"
import { embedded, type Opened } from "../../support/variants.js"
import { Hono } from "hono"
import { bearerAuth } from "hono/bearer-auth"
import { cors } from "hono/cors"
import { etag } from "hono/etag"
import { requestId } from "hono/request-id"
import { timeout } from "hono/timeout"
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from "vitest"

let database: Opened
let names = 0
const unique = () => `hono-${String(names++)}`
const isFree = async (name: string) => !(await database.locks().inspect(name)).isHeld

beforeAll(async () => {
  database = await embedded.open()
})
afterAll(() => database.close())

describe("the context", () => {
  test("names and managers may be derived from it", async () => {
    const app = new Hono<{ Bindings: { UPSTASH_REDIS_REST_URL: string } }>()
    const guarded = lock({
      locks: (c) => LockManager.fromEnv(c.env as object),
      name: (c) => `order:${String(c.req.param("id"))}`,
    })
    app.post("/orders/:id", guarded, (c) => c.json(c.var.lock))
    const env = {
      UPSTASH_REDIS_REST_URL: database.url,
      UPSTASH_REDIS_REST_TOKEN: database.token,
    }
    const response = await app.request("/orders/42", { method: "POST" }, env)
    expect(await response.json()).toMatchObject({ name: "order:42", mode: "exclusive" })
  })

  test("a wildcard middleware has no parameters, so a name that misses one is refused", async () => {
    const app = new Hono()
    app.use("*", lock({ locks: database.locks(), name: (c) => c.req.param("id") }))
    app.get("/orders/:id", (c) => c.text("not reached"))
    expect((await app.request("/orders/42")).status).toBe(400)
  })

  test("the release goes to the waitUntil of executionCtx", async () => {
    const name = unique()
    const app = new Hono()
      .use(lock({ locks: database.locks(), name }))
      .get("/", (c) => c.text("ok"))
    const context = keepingContext()
    await app.request("/", {}, {}, context as never)
    expect(context.works).toHaveLength(1)
    await Promise.all(context.works)
    expect(await isFree(name)).toBe(true)
  })

  test("onBusy can respond with it", async () => {
    const name = unique()
    await database.locks().acquire(name)
    const onBusy = (error: Error, c: { json(value: object, status: 409): Response }) =>
      c.json({ busy: error.name }, 409)
    const app = new Hono().get("/", lock({ locks: database.locks(), name, onBusy }), (c) =>
      c.text("not reached"),
    )
    const response = await app.request("/")
    expect([response.status, await response.json()]).toEqual([409, { busy: "LockTimeoutError" }])
  })

  test("the type of its lock follows the options", () => {
    const locks = database.locks()
    new Hono()
      .get("/plain", lock({ locks, name: "a" }), (c) => {
        expectTypeOf(c.var.lock).toEqualTypeOf<Lock>()
        return c.text("")
      })
      .get("/fenced", lock({ locks, name: "a", fencing: true }), (c) => {
        expectTypeOf(c.var.lock).toEqualTypeOf<FencedLock>()
        return c.text("")
      })
      .get("/open", lock({ locks, name: "a", failOpen: true }), (c) => {
        expectTypeOf(c.var.lock).toEqualTypeOf<Lock | undefined>()
        return c.text("")
      })
    // @ts-expect-error -- a name is needed
    expect(() => lock({ locks })).toThrow(TypeError)
    // @ts-expect-error -- a manager is needed
    expect(() => lock({ name: "a" })).toThrow(TypeError)
  })
})

describe("with other middleware", () => {
  const busy = async () => {
    const name = unique()
    await database.locks().acquire(name)
    return name
  }

  test("request-id and cors before it put their headers on its refusals", async () => {
    const app = new Hono()
    app.use(requestId(), cors({ origin: "https://a.example" }))
    app.get("/", lock({ locks: database.locks(), name: await busy() }), (c) => c.text("no"))
    const response = await app.request("/", { headers: { Origin: "https://a.example" } })
    expect(response.headers.get("X-Request-Id")).toMatch(/./)
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("https://a.example")
    expect(await problemOf(response)).toMatchObject({ type: "lock-busy" })
  })

  test("request-id before it can name the lock, and works behind it as well", async () => {
    const app = new Hono()
    const { locks } = database
    app.get("/before", requestId(), lock({ locks: locks(), name: (c) => c.var.requestId }), (c) =>
      c.json([c.var.lock.name, c.var.requestId]),
    )
    app.get("/behind", lock({ locks: locks(), name: unique() }), requestId(), (c) =>
      c.text(c.var.requestId),
    )
    const [name, id] = (await (await app.request("/before")).json()) as string[]
    expect(name).toBe(id)
    const behind = await app.request("/behind")
    expect(await behind.text()).toBe(behind.headers.get("X-Request-Id"))
  })

  test("bearer-auth before it refuses a client without a request to the database or a lock", async () => {
    const { proxy, locks } = await database.proxied()
    const app = new Hono()
    app.get("/", bearerAuth({ token: "secret" }), lock({ locks: locks(), name: unique() }), (c) =>
      c.text("in"),
    )
    expect((await app.request("/")).status).toBe(401)
    expect(proxy.log).toHaveLength(0)
    const headers = { Authorization: "Bearer secret" }
    expect(await (await app.request("/", { headers })).text()).toBe("in")
  })

  test("bearer-auth behind it refuses a client, and the lock is released", async () => {
    const name = unique()
    const app = new Hono()
    app.get("/", lock({ locks: database.locks(), name }), bearerAuth({ token: "secret" }), (c) =>
      c.text("in"),
    )
    expect((await app.request("/")).status).toBe(401)
    await until(() => isFree(name))
  })

  test("timeout before it responds to the client, and the lock is held until the handler has ended", async () => {
    const name = unique()
    const { work, begun, end } = openWork()
    const app = new Hono()
    app.get("/", timeout(500), lock({ locks: database.locks(), name }), (c) =>
      work(c.req.raw, c.var.lock),
    )
    const asked = app.request("/")
    await begun
    expect((await asked).status).toBe(504)
    expect(await isFree(name)).toBe(false)
    end()
    await until(() => isFree(name))
  })

  test("etag before it reads the body, and after-body waits for that", async () => {
    const name = unique()
    const app = new Hono()
    const guarded = lock({ locks: database.locks(), name, release: "after-body" })
    app.get("/", etag(), guarded, (c) => c.text("text"))
    const response = await app.request("/")
    expect(response.headers.get("ETag")).toMatch(/"/)
    expect(await response.text()).toBe("text")
    await until(() => isFree(name))
  })

  test("two locks on one route are two holds", async () => {
    const [outer, inner] = [unique(), unique()]
    const locks = database.locks()
    const app = new Hono()
    app.get("/", lock({ locks, name: outer }), lock({ locks, name: inner }), async (c) =>
      c.json([await isFree(outer), await isFree(inner), c.var.lock.name]),
    )
    expect(await (await app.request("/")).json()).toEqual([false, false, inner])
    await until(async () => (await isFree(outer)) && (await isFree(inner)))
  })
})

describe("the response to a loss", () => {
  test("has none of the late handler's headers", async () => {
    const name = unique()
    const app = new Hono()
    const guarded = lock({ locks: database.locks(), name, ttl: "1s", renew: false })
    app.get("/", requestId(), guarded, (c) => {
      // Blocks for longer than the hold lasts, so that no timer reports the loss before the response is there.
      const end = performance.now() + 1_100
      while (performance.now() < end);
      c.header("Set-Cookie", "paid=yes")
      return c.text("paid")
    })
    const response = await app.request("/")
    expect(response.headers.get("X-Request-Id")).toMatch(/./)
    expect(response.headers.get("Set-Cookie")).toBeNull()
    expect(await problemOf(response)).toMatchObject({ type: "lock-lost", status: 500 })
  })

  test("stays unchanged if the handler throws later, in front of a slow middleware", async () => {
    const name = unique()
    const app = new Hono()
    app.onError((_, c) => c.text("failed", 503, { "Retry-After": "1" }))
    app.use(async (_, next) => {
      await next()
      await new Promise((resolve) => setTimeout(resolve, 20))
    })
    app.get("/", lock({ locks: database.locks(), name, ttl: "1500ms" }), async (c) => {
      await database.command("DEL", `lock:${name}`)
      await abortion(c.var.lock.signal)
      await new Promise((resolve) => setTimeout(resolve, 0))
      throw new Error("too late")
    })
    const response = await app.request("/")
    expect(response.headers.get("Retry-After")).toBeNull()
    expect(await problemOf(response)).toMatchObject({ type: "lock-lost", status: 500 })
  })

  test("stays unchanged if the handler ends later", async () => {
    const name = unique()
    const app = new Hono()
    let ended = false
    app.get("/", lock({ locks: database.locks(), name, ttl: "1500ms" }), async (c) => {
      await database.command("DEL", `lock:${name}`)
      await abortion(c.var.lock.signal)
      await new Promise((resolve) => setTimeout(resolve, 100))
      ended = true
      return c.text("late")
    })
    const response = await app.request("/")
    expect(ended).toBe(false)
    await until(() => ended)
    expect(await problemOf(response)).toMatchObject({ type: "lock-lost", status: 500 })
  })
})
