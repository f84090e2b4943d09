// No reply is accepted that belongs to another request: frameworks patch fetch and respond from a cache.
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { LockBackendError, type LockEvent, LockManager } from "../../src/index.js"
import { sleep } from "../../src/time/timers.js"
import { type ClientName, connect, type Database, openDatabase } from "../support/variants.js"
import { rejection } from "../support/outcomes.js"

interface Sent {
  readonly url: string
  readonly headers: string
  readonly body: string
}

/** How a cache tells requests apart; the same text means the same request. */
const keys: Readonly<Record<string, (sent: Sent) => string>> = {
  "url and body": ({ url, body }) => url + body,
  "url, body and headers": ({ url, body, headers }) => url + body + headers,
  "url and headers": ({ url, headers }) => url + headers,
  url: ({ url }) => url,
}

/** Caches that return only replies to other requests: nothing works with them, but no reply may be accepted either. */
const BLIND = ["url"]

type Answer = (sent: Sent, fetchIt: () => Promise<string>) => Promise<string>

/** Responds to a request that it has seen before with its first reply. */
function cachedBy(keyOf: (sent: Sent) => string): Answer {
  const replies = new Map<string, string>()
  return async (sent, fetchIt) => {
    const key = keyOf(sent)
    if (!replies.has(key)) replies.set(key, await fetchIt())
    return replies.get(key) ?? ""
  }
}

/** Responds to every request after the first with the previous reply, whatever its subject, and sends the request all the same. */
function replaysTheLast(): Answer {
  let last: string | undefined
  return async (_, fetchIt) => {
    const own = await fetchIt()
    const reply = last ?? own
    last = own
    return reply
  }
}

/** An HTTP proxy with such a cache: for clients that have their own fetch. */
async function openCache(target: string, answer: Answer) {
  const server = createServer((request, response) => {
    const serve = async () => {
      const body = await textOf(request)
      const headers = JSON.stringify(request.headers)
      const reply = await answer({ url: request.url ?? "", headers, body }, async () => {
        const passed = Object.entries(request.headers).filter(
          ([name]) => !["host", "connection", "content-length"].includes(name),
        )
        const upstream = await fetch(target + (request.url ?? ""), {
          method: "POST",
          headers: Object.fromEntries(passed) as Record<string, string>,
          body,
        })
        return upstream.text()
      })
      response.setHeader("content-type", "application/json")
      response.end(reply)
    }
    serve().catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
  return { url, close: () => server.close() }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ""
  for await (const chunk of request) text += String(chunk)
  return text
}

const clients: readonly ClientName[] = ["fetch client", "@upstash/redis"]

describe.each(clients)("with the %s", (client) => {
  let database: Database
  const closing: (() => void)[] = []
  let names = 0
  const newName = () => `fresh-${String(names++)}`

  beforeAll(async () => {
    database = await openDatabase("embedded engine")
  })
  afterAll(async () => {
    for (const close of closing) close()
    await database.close()
  })

  const direct = () =>
    new LockManager({ redis: connect("fetch client", database.url), push: false })

  async function behind(answer: Answer, onEvent?: (event: LockEvent) => void) {
    const { url, close } = await openCache(database.url, answer)
    closing.push(close)
    // One try, so that a wrong reply shows at once.
    const redis = connect(client, url, { retry: { retries: 0 } })
    return new LockManager({ redis, push: false, timeout: "2s", ...(onEvent && { onEvent }) })
  }

  const seeing = Object.entries(keys).filter(
    // That client sends no header of ours; only the body of its requests is unique.
    ([name]) => !BLIND.includes(name) && (client === "fetch client" || name.includes("body")),
  )

  test.concurrent.each(seeing)(
    "a cache by %s changes nothing: holds are renewed, inspected and released",
    async (_, keyOf) => {
      const name = newName()
      const locks = await behind(cachedBy(keyOf))
      const other = direct()
      const lock = await locks.acquire(name, { ttl: "2s", renew: true })
      await sleep(3_000)
      expect(await other.tryAcquire(name)).toBeNull()
      expect(lock.signal.aborted).toBe(false)
      expect(await locks.inspect(name)).toMatchObject({ isHeld: true })
      expect(await lock.release()).toBe("released")
      expect(await locks.inspect(name)).toMatchObject({ isHeld: false })
      const again = await locks.acquire(name, { ttl: "2s", renew: false })
      expect(await other.tryAcquire(name)).toBeNull()
      expect(await again.release()).toBe("released")
    },
  )

  const lying: readonly (readonly [string, () => Answer])[] = [
    ["a cache by url alone", () => cachedBy(({ url }) => url)],
    ["a fetch that replays the reply before", replaysTheLast],
  ]

  describe.each(lying)("behind %s", (_, lie) => {
    /** Passes replies on until it is told to lie. */
    function switchable(): { answer: Answer; lieFromNowOn: () => void } {
      const liar = lie()
      let lies = false
      return {
        // It lies with the replies that it has seen before.
        answer: async (sent, fetchIt) => {
          if (lies) return liar(sent, fetchIt)
          const reply = await fetchIt()
          await liar(sent, () => Promise.resolve(reply))
          return reply
        },
        lieFromNowOn: () => {
          lies = true
        },
      }
    }

    test.concurrent("a cached renewal is rejected, and the loss is noticed in time", async () => {
      const name = newName()
      const { answer, lieFromNowOn } = switchable()
      const events: LockEvent[] = []
      const locks = await behind(answer, (event) => events.push(event))
      const lock = await locks.acquire(name, { ttl: 900, renew: true })
      await vi.waitFor(() => {
        expect(events.map(({ type }) => type)).toContain("renewed")
      })
      lieFromNowOn()
      const renewedBefore = events.filter(({ type }) => type === "renewed").length
      await vi.waitFor(
        () => {
          expect(lock.signal.aborted).toBe(true)
        },
        { timeout: 3_000 },
      )
      expect(events.filter(({ type }) => type === "renewed")).toHaveLength(renewedBefore)
      expect(lock.remainingMs).toBe(0)
    })

    test.concurrent("the cached grant of another caller is rejected", async () => {
      const { answer, lieFromNowOn } = switchable()
      const locks = await behind(answer)
      const name = newName()
      const first = await locks.acquire(name, { ttl: "30s", renew: false })
      lieFromNowOn()
      const error = await rejection(locks.tryAcquire(name))
      expect(error).toBeInstanceOf(LockBackendError)
      expect(first.remainingMs).toBeGreaterThan(0)
    })

    test.concurrent(
      "a release, an inspection, an extension and an adoption fail instead of accepting a cached reply",
      async () => {
        const { answer, lieFromNowOn } = switchable()
        const locks = await behind(answer)
        const name = newName()
        const lock = await locks.acquire(name, { ttl: "30s", renew: false })
        const passedOn = await locks.acquire(newName(), { ttl: "30s", renew: false })
        const transfer = passedOn.transfer()
        lieFromNowOn()
        const inspected = await rejection(locks.inspect(name))
        expect(inspected).toBeInstanceOf(LockBackendError)
        expect(String(inspected)).toContain("belongs to another request")
        expect(await rejection(lock.extend())).toBeInstanceOf(LockBackendError)
        expect(await rejection(locks.adopt(transfer))).toBeInstanceOf(LockBackendError)
        expect(await rejection(lock.release())).toBeInstanceOf(LockBackendError)
        if (client === "fetch client") {
          expect(await rejection(locks.query())).toBeInstanceOf(LockBackendError)
        }
      },
    )
  })
})

test("a framework's error that ends a rendering is passed on unchanged", async () => {
  const ending = Object.assign(new Error("dynamic"), { digest: "DYNAMIC_SERVER_USAGE" })
  const locks = new LockManager({
    redis: { url: "http://nowhere.test", token: "t" },
    fetch: () => Promise.reject(ending),
  })
  expect(await rejection(locks.acquire("a"))).toBe(ending)
  expect(await rejection(locks.inspect("a"))).toBe(ending)
})
