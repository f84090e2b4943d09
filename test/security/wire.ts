// All requests and responses of a life full of locks: tokens in bodies alone, the REST token in its one header, and neither in a
// URL.
import { Hono } from "hono"
import { expect, test } from "vitest"
import { type Fetch, LockManager, LockTimeoutError } from "../../src/index.js"
import { lock, lockRoutes } from "../../src/http/hono/index.js"
import { quorum } from "../../src/quorum/index.js"
import { rejection } from "../support/outcomes.js"
import { openDatabase } from "../support/variants.js"
import { INDISCREET } from "./indiscreet.js"
import { expectNoSecret, expectTellsNoSecret } from "./secrets.js"

interface Sent {
  readonly url: string
  readonly headers: Headers
  readonly body: string
}

/** Passes every request on, and records it. */
function recording(): { fetch: Fetch; sent: Sent[] } {
  const sent: Sent[] = []
  const fetch: Fetch = (url, init) => {
    sent.push({ url, headers: new Headers(init.headers), body: init.body as string })
    return globalThis.fetch(url, init)
  }
  return { fetch, sent }
}

/** Some of every operation. */
async function live(locks: LockManager): Promise<void> {
  const first = await locks.acquire("a", { ttl: "20s", fencing: true })
  await first.extend("21s")
  const waiters = [{}, { push: false }, { interval: 20 }].map((options) =>
    locks.request("a", { ...options, wait: "20s" }, () => undefined),
  )
  expect(await rejection(locks.acquire("a", { wait: 100 }))).toBeInstanceOf(LockTimeoutError)
  const given = AbortSignal.timeout(100)
  await rejection(locks.acquire("a", { signal: given }))
  const adopted = await locks.adopt(first.transfer())
  await locks.query()
  await locks.inspect("a")
  await adopted.release()
  await Promise.all(waiters)
  await (await locks.acquireAll(["b", "c"])).release()
  await (await locks.acquire("d", { mode: "shared" })).release()
  await (await locks.semaphore("e", 2).acquire()).release()
  await locks.acquire("f")
  await locks.request("f", { steal: true }, () => undefined)
  await locks.acquire("f")
  await locks.forceRelease("f")
}

export function wire(): void {
  test("tokens are sent in bodies alone, and the REST token in its header", async () => {
    const databases = await Promise.all([1, 2, 3].map(() => openDatabase("embedded engine")))
    const [database] = databases
    if (!database) throw new Error("there is no database")
    const { fetch, sent } = recording()
    await live(new LockManager({ redis: database, fetch }))
    const majority = quorum(databases)
    await majority.start({ fetch })
    const onQuorum = new LockManager({ redis: majority, fetch })
    await (await onQuorum.acquire("a", { fencing: true })).release()
    const channels = new Set<string>()
    for (const { url, headers, body } of sent) {
      const { origin, pathname, search, hash } = new URL(url)
      expect(databases.map((d) => d.url)).toContain(origin)
      expect(search + hash).toBe("")
      const [, channel] = /^\/subscribe\/(.*)$/.exec(pathname) ?? []
      if (channel === undefined) expect(["/", "/pipeline"]).toContain(pathname)
      else channels.add(channel)
      expect(headers.get("Authorization")).toBe(`Bearer ${database.token}`)
      headers.delete("Authorization")
      const open = [url, ...[...headers].flat()].join(" ")
      expectNoSecret(open, "the open part of a request")
      expect(open).not.toContain(database.token)
      expect(body).not.toContain(database.token)
    }
    // A channel reveals neither the caller nor the lock, and has as many random bits as a token.
    expect(channels.size).toBeGreaterThanOrEqual(1)
    for (const channel of channels) {
      expect(channel).toMatch(/^fetchlock-[\w-]{24}$/)
      const tokens = sent.flatMap(({ body }) => body.match(/fl_[\w-]+/g) ?? [])
      expect(tokens.length).toBeGreaterThan(20)
      expect(tokens.join()).not.toContain(channel.slice(-24))
    }
    await Promise.all(databases.map((d) => d.close()))
  })

  test("responses of guards and of the lock service reveal a token only to its holder", async () => {
    const database = await openDatabase("embedded engine")
    const failing = Object.values(INDISCREET).map((fetch) => ({ redis: database, fetch }))
    for (const options of [{ redis: database }, ...failing]) {
      const locks = new LockManager({ ...options, timeout: 100 })
      const app = new Hono()
      app.route("/locks", lockRoutes({ locks, authorize: () => true }))
      app.post("/guarded", lock({ locks, name: "held", wait: 0 }), (c) => c.text("done"))
      const token = "fl_somebody_012345678901234567890123"
      const ask = (path: string, method: string, header = `<fetchlock:${token}>`, body?: unknown) =>
        app.request(path, {
          method,
          headers: { "Lock-Token": header, "Content-Type": "application/json" },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        })
      await new LockManager({ redis: database }).tryAcquire("held")
      for (const answer of [
        await ask("/guarded", "POST"),
        await ask("/locks/held", "POST"),
        await ask("/locks/held", "PATCH"),
        await ask("/locks/held", "DELETE"),
        await ask("/locks/held", "GET"),
        await ask("/locks/held", "DELETE", `${token} is no header`),
        await ask("/locks/held", "POST", token, { ttl: token }),
        await ask("/locks/held", "POST", token, { [token]: 1 }),
        await ask("/locks/held", "POST", token, { fencing: token }),
      ]) {
        const said = [...answer.headers].flat().join("\n") + (await answer.text())
        expectNoSecret(said, `${String(answer.status)} ${said}`)
        expect(said).not.toContain(database.token)
      }
    }
    const app = new Hono()
    const locks = new LockManager({ redis: database })
    app.route("/locks", lockRoutes({ locks, authorize: () => true }))
    const granted = await app.request("/locks/free", { method: "POST" })
    expect(granted.headers.get("Lock-Token")).toMatch(/^<fetchlock:fl_/)
    expectTellsNoSecret(await granted.json(), "the body of the grant")
    await database.close()
  })
}
