// The built-in client against a bad database or a bad fetch: its parsing, its cancellation, and the options that it refuses.
import { afterEach, describe, expect, test, vi } from "vitest"
import { type Fetch, LockBackendError, LockManager } from "../../src/index.js"
import { LARGEST_LIST } from "../../src/redis/bounds.js"
import { FetchClient } from "../../src/redis/fetch-client.js"
import { UpstashRedisClient } from "../../src/redis/upstash-client.js"
import { healthyFetch } from "../support/healthy-fetch.js"
import { rejection } from "../support/outcomes.js"

const URL = "http://127.0.0.1:9"
const silent = { onMessage: () => undefined, onEnd: () => undefined }

afterEach(() => {
  vi.unstubAllGlobals()
})

describe("an error is parsed before its secrets are removed", () => {
  const SHEBANGS = [
    "ERR Unexpected flag in script shebang: allow-key-locking",
    "ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'",
  ]

  test.for(
    ["t", "e", "script", "a-long-token"].flatMap((token) => SHEBANGS.map((s) => [token, s])),
  )(
    "with the token %j, a database that replies %j is sent the script without the shebang",
    async ([token = "", error]) => {
      const fetch: Fetch = (url, init) =>
        (init.body as string).includes("#!lua")
          ? Promise.resolve(Response.json({ error }, { status: 400 }))
          : healthyFetch(url, init)
      const locks = new LockManager({ redis: { url: URL, token }, fetch, keyLocking: true })
      expect((await locks.acquire("a")).name).toBe("a")
    },
  )

  test.for(["t", "e"])("with the token %j, the message is shown unchanged", async (token) => {
    const error = "WRONGPASS the token is not valid"
    const fetch: Fetch = () => Promise.resolve(Response.json({ error }, { status: 401 }))
    const locks = new LockManager({ redis: { url: URL, token }, fetch })
    expect((await rejection(locks.acquire("a"))) as Error).toMatchObject({
      message: `could not acquire "a": HTTP 401: ${error}`,
    })
  })
})

describe("a reply", () => {
  /** Responds with a body that never ends; `read` counts the bytes that were read. */
  function endless() {
    const state = { read: 0, cancelled: false }
    const fetch: Fetch = () => {
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          state.read += 65_536
          controller.enqueue(new Uint8Array(65_536).fill(32))
        },
        cancel: () => {
          state.cancelled = true
        },
      })
      return Promise.resolve(new Response(body))
    }
    return { state, fetch }
  }

  test("of more than a megabyte is an ambiguous outcome, and read no further", async () => {
    const { state, fetch } = endless()
    const locks = new LockManager({ redis: { url: URL, token: "t" }, fetch })
    const error = await rejection(locks.acquire("a", { maxRequests: 1 }))
    expect(error).toBeInstanceOf(LockBackendError)
    expect((error as Error).message).toMatch(/the reply exceeds 1048576 bytes/)
    expect(state.cancelled).toBe(true)
    expect(state.read).toBeLessThan(3 * 1_048_576)
  })

  test("about many locks may be longer", async () => {
    const result = "x".repeat(2 * 1_048_576)
    const fetch: Fetch = () => Promise.resolve(Response.json({ result }))
    const client = new FetchClient({ url: URL, token: "t" }, fetch)
    expect(await client.evaluate("", [], [], 5_000, LARGEST_LIST)).toBe(result)
    expect(await rejection(client.evaluate("", [], [], 5_000))).toMatchObject({
      outcome: "unknown",
    })
  })

  test("is canceled at the deadline if the fetch ignores its signal", async () => {
    const cancel = vi.fn()
    const fetch: Fetch = () => Promise.resolve(new Response(new ReadableStream({ cancel })))
    const client = new FetchClient({ url: URL, token: "t" }, fetch)
    await rejection(client.evaluate("", [], [], 50))
    await vi.waitFor(() => {
      expect(cancel).toHaveBeenCalledOnce()
    })
  })
})

describe("a stream of a fetch that ignores its signal", () => {
  const headers = { "Content-Type": "text/event-stream" }

  test("is canceled when the subscription is closed", async () => {
    const cancel = vi.fn()
    const start = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      controller.enqueue(new TextEncoder().encode("data: subscribe,ch,1\n\n"))
    }
    const fetch: Fetch = () =>
      Promise.resolve(new Response(new ReadableStream({ start, cancel }), { headers }))
    const client = new FetchClient({ url: URL, token: "t" }, fetch)
    const subscription = await client.subscribe("ch", silent, 1_000)
    expect(cancel).not.toHaveBeenCalled()
    subscription.close()
    expect(cancel).toHaveBeenCalledOnce()
  })

  test("is canceled when it opens after the deadline", async () => {
    const cancel = vi.fn()
    let open: (response: Response) => void = () => undefined
    const fetch: Fetch = () => new Promise((resolve) => (open = resolve))
    const client = new FetchClient({ url: URL, token: "t" }, fetch)
    expect(await rejection(client.subscribe("ch", silent, 20))).toMatchObject({
      outcome: "unknown",
    })
    open(new Response(new ReadableStream({ cancel }), { headers }))
    await vi.waitFor(() => {
      expect(cancel).toHaveBeenCalledOnce()
    })
  })
})

test("a client of @upstash/redis passes on the messages of its own channel, and nothing else", async () => {
  const listeners = new Map<string, (event: unknown) => void>()
  const subscriber = {
    on: (event: string, listener: (event: unknown) => void) => {
      listeners.set(event, listener)
      if (event === "subscribe") listener(1)
    },
    unsubscribe: () => Promise.resolve(),
  }
  const redis = { eval: () => Promise.resolve(), subscribe: () => subscriber }
  const heard: string[] = []
  const listener = { onMessage: (message: string) => heard.push(message), onEnd: () => undefined }
  await new UpstashRedisClient(redis).subscribe("ch", listener, 1_000)
  listeners.get("message")?.({ channel: "other", message: "granted 1 2 " })
  listeners.get("message")?.({ channel: "ch", message: "next 5" })
  expect(heard).toEqual(["next 5"])
})

describe("the constructor", () => {
  test("refuses to run without any fetch", () => {
    vi.stubGlobal("fetch", undefined)
    Reflect.deleteProperty(globalThis, "fetch")
    const redis = { url: URL, token: "t" }
    expect(() => new LockManager({ redis })).toThrow(/^fetch: there is no global fetch/)
    expect(() => new LockManager({ redis, fetch: healthyFetch })).not.toThrow()
  })

  test("uses a global fetch that is replaced later", async () => {
    const locks = new LockManager({ redis: { url: URL, token: "t" } })
    vi.stubGlobal("fetch", healthyFetch)
    expect((await locks.acquire("a")).name).toBe("a")
  })

  test.for(["?_token=s3cret-token", "/path?x=s3cret-token", "#s3cret-token", "?"])(
    "refuses a URL that ends in %j, and does not repeat it",
    (end) => {
      const make = () => new LockManager({ redis: { url: `https://a.example${end}`, token: "t" } })
      expect(make).toThrow(/^redis.url: must not contain credentials, a query or a fragment/)
      expect(make).not.toThrow(/s3cret/)
    },
  )

  const REST = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
  test.for([REST, `my-${REST}`, REST.slice(3, 25), `!${REST}`])(
    "refuses the clientId %j, which reveals the REST token, and does not repeat it",
    (clientId) => {
      const make = () => new LockManager({ redis: { url: URL, token: REST }, clientId })
      expect(make).toThrow(/^clientId: /)
      expect(make).not.toThrow(new RegExp(REST.slice(3, 25)))
    },
  )

  test("accepts a clientId that shares a few letters with the REST token", () => {
    const redis = { url: URL, token: "worker-7-secret" }
    expect(new LockManager({ redis, clientId: "worker-7" }).clientId).toBe("worker-7")
    expect(new LockManager({ redis: { url: URL, token: "w" }, clientId: "w1" }).clientId).toBe("w1")
  })
})
