// No error and no event reveals a token, whatever the database or the network repeats of a request.
import { describe, expect, test, vi } from "vitest"
import { Redis } from "@upstash/redis"
import { type Fetch, type LockEvent, LockManager } from "../../src/index.js"
import { quorum } from "../../src/quorum/index.js"
import { healthyFetch } from "../support/healthy-fetch.js"
import { rejection } from "../support/outcomes.js"
import { echoServer, INDISCREET } from "./indiscreet.js"
import { OF_ALL, OF_ONE } from "./operations.js"
import { expectTellsNoSecret, REST_SECRET } from "./secrets.js"

const TIMEOUT = 60

const config = (i = 0) => ({ url: `https://db-${String(i)}.example`, token: REST_SECRET })

interface Way {
  readonly redis: (fetch: Fetch) => ConstructorParameters<typeof LockManager>[0]
  readonly operations: typeof OF_ALL
}

const WAYS: Readonly<Record<string, Way>> = {
  "the built-in client": {
    redis: (fetch) => ({ redis: config(), fetch }),
    operations: { ...OF_ALL, ...OF_ONE },
  },
  "a quorum": {
    redis: (fetch) => ({ redis: quorum([config(0), config(1), config(2)]), fetch }),
    operations: OF_ALL,
  },
}

export function errors(): void {
  describe.for(Object.entries(WAYS))("through %s", ([, { redis, operations }]) => {
    test.for(Object.entries(INDISCREET))(
      "no error or event reveals a token if the database %s",
      async ([, indiscreet]) => {
        const events: LockEvent[] = []
        let fetch = healthyFetch
        const locks = new LockManager({
          ...redis((url, init) => fetch(url, init)),
          timeout: TIMEOUT,
          onEvent: (event) => events.push(event),
        })
        const prepared = await Promise.all(
          Object.keys(operations).map((what) => locks.acquire(what)),
        )
        fetch = indiscreet
        const failing = Object.entries(operations).map(async ([what, run], i) => {
          const lock = prepared[i]
          if (!lock) throw new Error("there is a lock for each")
          return [what, await rejection(run({ locks, lock }))] as const
        })
        for (const [what, error] of await Promise.all(failing)) {
          expect((error as Error).name, what).toBe("LockBackendError")
          expectTellsNoSecret(error, what)
        }
        for (const event of events) expectTellsNoSecret(event, event.type)
        expect(events.map(({ type }) => type)).toContain("release-failed")
      },
    )
  })

  test("no error reveals a token if a tracing tool's global fetch throws it", async () => {
    for (const indiscreet of Object.values(INDISCREET)) {
      vi.stubGlobal("fetch", indiscreet)
      const locks = new LockManager({ redis: config(), timeout: TIMEOUT })
      const error = await rejection(locks.tryAcquire("a"))
      vi.unstubAllGlobals()
      expectTellsNoSecret(error, "the error")
    }
  })

  test("no error reveals the commands and headers in an error of a client of @upstash/redis", async () => {
    for (const indiscreet of Object.values(INDISCREET)) {
      vi.stubGlobal("fetch", indiscreet)
      const redis = new Redis({ ...config(), retry: { retries: 0 } })
      const locks = new LockManager({ redis, timeout: TIMEOUT })
      const error = await rejection(locks.tryAcquire("a"))
      vi.unstubAllGlobals()
      expectTellsNoSecret(error, "the error")
    }
    const message = `Headers.append: "Bearer ${REST_SECRET}\n${REST_SECRET}" is an invalid header value`
    const throwing = () => Promise.reject(new TypeError(message))
    const locks = new LockManager({ redis: { eval: throwing }, timeout: TIMEOUT })
    expectTellsNoSecret(await rejection(locks.tryAcquire("a")), "the error")
  })

  test("no error reveals what a server that is not HTTP sends back", async () => {
    const { url, server } = await echoServer()
    const locks = new LockManager({ redis: { url, token: REST_SECRET }, timeout: 1_000 })
    const error = await rejection(locks.tryAcquire("a"))
    expect((error as Error).message).toMatch(/^could not acquire "a": fetch failed: ./)
    expectTellsNoSecret(error, "the error")
    server.close()
  })

  test("a token that was passed in the wrong place is not repeated", async () => {
    const locks = new LockManager({ redis: config(), fetch: healthyFetch })
    const { token } = await locks.acquire("a")
    const misplaced: unknown = token
    const lock = await locks.acquire("b")
    for (const refused of [
      () => locks.acquire("a", misplaced as never),
      () => locks.acquire("a", { ttl: misplaced as never }),
      () => locks.acquire("a", { mode: misplaced as never }),
      () => locks.acquireAll(misplaced as never),
      () => locks.acquireAll([token, token]),
      () => locks.adopt(misplaced as never),
      () => locks.query({ limit: misplaced as never }),
      () => lock.extend(misplaced as never),
    ]) {
      const error = await rejection(refused())
      expect(error).toBeInstanceOf(Error)
      expectTellsNoSecret(error, (error as Error).message)
    }
  })
}
