// The built package inside workerd: managers at module scope and for each request, each over one of the engines.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { findOverlaps, type Hold } from "../../demo/overlaps.js"
import { everything, FaultProxy, inOrder } from "../support/fault-proxy.js"
import { hasRedisServer } from "../support/redis-server.js"
import { type Database, type EngineName, openDatabase } from "../support/variants.js"
import { Isolate } from "./isolate.js"

interface Setup {
  readonly setup: string
  readonly worker: URL
  readonly compatibilityFlags: string[]
  readonly engine: EngineName
}

const setups: readonly Setup[] = [
  {
    setup: "a manager at module scope, with nodejs_compat",
    worker: new URL("./module-scope.ts", import.meta.url),
    compatibilityFlags: ["nodejs_compat"],
    engine: "embedded engine",
  },
  {
    setup: "a manager for each request",
    worker: new URL("./per-request.ts", import.meta.url),
    compatibilityFlags: [],
    engine: hasRedisServer() ? "real Redis" : "embedded engine",
  },
]

const url = (database: Pick<Database, "url" | "token">) => ({
  UPSTASH_REDIS_REST_URL: database.url,
  UPSTASH_REDIS_REST_TOKEN: database.token,
})

for (const { engine, setup, worker, compatibilityFlags } of setups) {
  describe(`${setup}, over ${engine}`, () => {
    let database: Database
    let isolates: Isolate[]
    let names = 0

    beforeAll(async () => {
      database = await openDatabase(engine)
      const options = { worker, compatibilityFlags, env: url(database) }
      isolates = await Promise.all([Isolate.start(options), Isolate.start(options)])
    })

    afterAll(async () => {
      await Promise.all(isolates.map((isolate) => isolate.stop()))
      await database.close()
    })

    /** Makes an isolate run a scenario on a lock of its own, and returns its observations. */
    async function run(scenario: string, { on = 0, name = `lock ${names++}`, body = "" } = {}) {
      const path = `/${scenario}?name=${encodeURIComponent(name)}`
      const response = await isolates[on]?.fetch(path, { method: "POST", body })
      expect(response?.status).toBe(200)
      return (await response?.json()) as Record<string, unknown>
    }

    test("request holds the lock while its callback runs, and releases it", async () => {
      expect(await run("request")).toEqual({ heldMeanwhile: true, freeAfterwards: true })
    })

    test("a handle holds the lock until it is released, and is released once", async () => {
      expect(await run("byHand")).toEqual({
        heldMeanwhile: true,
        released: "released",
        again: "released",
      })
    })

    test("await using releases at the end of the scope", async () => {
      expect(await run("byScope")).toEqual({ heldMeanwhile: true, freeAfterwards: true })
    })

    test("acquire waits until the holder releases", async () => {
      expect(await run("waitsForRelease")).toEqual({ second: "released" })
    })

    test("acquire gives up when its wait is over", async () => {
      const { error, waitedMs } = await run("timesOut", { name: "timeout" })
      expect(error).toEqual({ name: "LockTimeoutError", code: "timeout", lockName: "timeout" })
      expect(waitedMs).toBeGreaterThanOrEqual(200)
      expect(waitedMs).toBeLessThan(2_000)
    })

    test("acquire rejects with the reason of its signal, and takes nothing", async () => {
      const { error, freeAfterwards } = await run("abortsWhileWaiting")
      expect(error).toMatchObject({ name: "TimeoutError" })
      expect(freeAfterwards).toBe(true)
    })

    test("extend makes a hold last longer, and throws for one that was released", async () => {
      const { before, after, remainingMs, extendingReleased } = await run("extends", { name: "e" })
      expect(before).toBeLessThanOrEqual(10_000)
      expect(after).toBeGreaterThan(50_000)
      expect(remainingMs).toBeGreaterThan(50_000)
      expect(extendingReleased).toEqual({
        name: "LockLostError",
        code: "lost",
        lockName: "e",
        reason: "released",
      })
    })

    test("a hold without renewal ends by its own clock", async () => {
      const lost = { name: "LockLostError", code: "lost", lockName: "short", reason: "expired" }
      expect(await run("expires", { name: "short" })).toEqual({
        signal: lost,
        remainingMs: 0,
        extending: lost,
      })
    })

    test("request renews its hold while the callback runs", async () => {
      const { held, extended } = await run("renews")
      expect(held).toBe(true)
      expect(extended).toBeGreaterThan(600)
    })

    test("request rejects if its renewal finds the lock taken, and leaves the other hold alone", async () => {
      const lost = { name: "LockLostError", code: "lost", lockName: "taken-over", reason: "taken" }
      expect(await run("noticesTheLoss", { name: "taken-over" })).toEqual({
        error: lost,
        reasons: [lost],
        value: "a stranger's token",
      })
    })

    test("fencing tokens rise", async () => {
      const { tokens } = (await run("fences")) as { tokens: number[] }
      expect(tokens).toHaveLength(3)
      expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b))
    })

    test("keep leaves the lock held", async () => {
      const { ttl } = await run("keeps")
      expect(ttl).toBeGreaterThan(3_500_000)
    })

    test("another isolate adopts a transferred hold, and releases it", async () => {
      const name = "handed over"
      const { transfer, released } = await run("transfers", { on: 0, name })
      expect(released).toBe("taken")
      const { fencingToken } = transfer as { fencingToken: number }
      expect(await run("adopts", { on: 1, body: JSON.stringify(transfer) })).toEqual({
        heldMeanwhile: true,
        fencingToken,
        released: "released",
      })
      expect(await database.command("EXISTS", `lock:${name}`)).toBe(0)
    })

    test("a hold that a request leaves behind ends with its ttl, without renewal", async () => {
      await run("forgets", { name: "forgotten" })
      expect(await database.command("EXISTS", "lock:forgotten")).toBe(1)
      await expect
        .poll(() => database.command("EXISTS", "lock:forgotten"), { timeout: 2_000 })
        .toBe(0)
    })

    test("fifty requests to two isolates take turns", { timeout: 60_000 }, async () => {
      const name = "popular"
      const holds = (await Promise.all(
        Array.from({ length: 50 }, (_, n) => run("section", { on: n % 2, name })),
      )) as unknown as Hold[]
      expect(findOverlaps(holds)).toEqual([])
      expect(await database.command("GET", `count:${name}`)).toBe("50")
    })

    test("the log is empty: no uncaught exception, no hang, no warning", () => {
      expect(isolates.flatMap((isolate) => isolate.log)).toEqual([])
    })
  })
}

describe("in a Worker whose network fails", () => {
  let database: Database
  let proxy: FaultProxy
  let isolate: Isolate

  beforeAll(async () => {
    database = await openDatabase("embedded engine")
    proxy = await FaultProxy.open(database.url)
    const worker = new URL("./per-request.ts", import.meta.url)
    isolate = await Isolate.start({ worker, env: url({ url: proxy.url, token: database.token }) })
  })

  afterAll(async () => {
    await isolate.stop()
    await proxy.close()
    await database.close()
  })

  async function run(scenario: string, name: string): Promise<unknown> {
    const response = await isolate.fetch(`/${scenario}?name=${name}`, { method: "POST" })
    return response.json()
  }

  test("an unreachable database causes an error of its own", async () => {
    proxy.plan = everything({ kind: "request-lost", by: "reset" })
    const error = { name: "LockBackendError", code: "backend", lockName: "far", phase: "acquire" }
    expect(await run("failsToAcquire", "far")).toEqual({ error })
  })

  test.each(["claim", "release"])("a lost reply to %s is retried", async (operation) => {
    proxy.plan = inOrder(operation, { kind: "reply-lost" })
    expect(await run("byHand", `lost ${operation}`)).toEqual({
      heldMeanwhile: true,
      released: "released",
      again: "released",
    })
  })

  test("an acquire that is aborted in mid-request is cleaned up after the reply, with waitUntil", async () => {
    proxy.plan = inOrder("claim", { kind: "request-delayed", ms: 150 })
    expect(await run("abortsMidRequest", "given-up")).toEqual({
      error: { name: "Error", message: "enough" },
    })
    const isReleased = () =>
      proxy.seen("release").some(({ commands }) => commands[0]?.includes("lock:given-up"))
    await expect.poll(isReleased, { timeout: 5_000 }).toBe(true)
    await proxy.settled()
    expect(await database.command("EXISTS", "lock:given-up")).toBe(0)
  })

  test("no rejection is left unhandled", () => {
    expect(isolate.log.filter((message) => message.startsWith("unhandled rejection"))).toEqual([])
  })
})

test("the log shows uncaught exceptions", async () => {
  const worker = new URL("./per-request.ts", import.meta.url)
  const env = url({ url: "http://127.0.0.1:9", token: "unused" })
  const isolate = await Isolate.start({ worker, env })
  try {
    expect((await isolate.fetch("/failsUnhandled")).status).toBe(500)
    const log = isolate.log.join("\n")
    expect(log).toContain("unhandled on purpose")
    expect(log).toContain("uncaught on purpose")
  } finally {
    await isolate.stop()
  }
})
