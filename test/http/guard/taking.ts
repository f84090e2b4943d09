// The guard before the handler runs: names, waits, refusals, failures.
import { expect, test } from "vitest"
import { everything, nothing } from "../../support/fault-proxy.js"
import { until } from "../../support/outcomes.js"
import { type Lab } from "../../contract/lab.js"
import { type Adapter, heldElsewhere, keepingContext, openWork, problemOf } from "./adapters.js"

const RETRY_AFTER = /^[1-5]$/

export function taking({ guard }: Adapter, lab: () => Lab): void {
  const done = () => new Response("done")

  test("the handler runs while the lock is held, and gets the lock", async () => {
    const { locks, name, command } = lab()
    const own = name()
    const { ask } = guard({ locks: locks(), name: own }, async (_, lock) => {
      expect(lock?.name).toBe(own)
      return Response.json(await command("GET", `lock:${own}`))
    })
    expect(await (await ask()).json()).toMatch(/^fl_/)
  })

  test("the name may be derived from the request, also asynchronously", async () => {
    const { locks, name } = lab()
    const own = name()
    const { ask } = guard({ locks: locks(), name: () => Promise.resolve(own) }, (_, lock) =>
      Response.json(lock?.name),
    )
    expect(await (await ask()).json()).toBe(own)
  })

  test.each([
    ["undefined", undefined],
    ["empty", ""],
    ["a number", 7 as never],
    ["half a character", "order:\ud800"],
    ["too long", "a".repeat(33_000)],
  ])(
    "a name derived from the request that is %s gets a 400, and the handler does not run",
    async (_, name) => {
      const { work, runs } = openWork()
      const { ask, thrown } = guard({ locks: lab().locks(), name: () => name }, work)
      expect(await problemOf(await ask())).toEqual({
        type: "bad-request",
        status: 400,
        detail:
          "The name of this request's lock is missing, empty, too long, or not valid Unicode.",
      })
      expect([thrown, runs()]).toEqual([[], 0])
    },
  )

  test("an error of the name function is treated as the handler's error", async () => {
    const error = new TypeError("name: a slip")
    const name = () => Promise.reject(error)
    const { ask, thrown } = guard({ locks: lab().locks(), name }, done)
    expect((await ask()).status).toBe(500)
    expect(thrown).toEqual([error])
  })

  test("the manager may be created for each request", async () => {
    const { locks, name } = lab()
    let made = 0
    const make = () => {
      made++
      return locks()
    }
    const { ask } = guard({ locks: make, name: name() }, done)
    expect((await ask()).status).toBe(200)
    // The release of the first one may still be in flight.
    expect([200, 423]).toContain((await ask()).status)
    expect(made).toBe(2)
  })

  test("a value that is not a manager is told apart from a manager", async () => {
    const { ask, thrown } = guard({ locks: (() => ({})) as never, name: "a" }, done)
    expect((await ask()).status).toBe(500)
    expect(String(thrown[0])).toBe(
      "TypeError: locks: must be a LockManager or a function that returns one, got an object",
    )
  })

  test("a held lock gets a 423 at once, with a useful Retry-After", async () => {
    const { locks, name } = lab()
    const other = await heldElsewhere(locks(), name())
    const { work, runs } = openWork()
    const { ask } = guard({ locks: locks({ wait: "30s" }), name: other.name }, work)
    const response = await ask()
    expect(response.status).toBe(423)
    expect(response.headers.get("Retry-After")).toMatch(RETRY_AFTER)
    expect(response.headers.get("Cache-Control")).toBe("no-store")
    expect(await problemOf(response)).toEqual({
      type: "lock-busy",
      status: 423,
      detail: "Another caller holds the lock.",
    })
    expect(runs()).toBe(0)
    // Refused requests leave the lock alone.
    expect(await other.release()).toBe("released")
  })

  test("with a wait, the request is served when its turn comes", async () => {
    const { locks, name } = lab()
    const other = await heldElsewhere(locks(), name())
    const { ask } = guard({ locks: locks(), name: other.name, wait: "10s" }, done)
    const response = ask()
    await until(async () => (await locks().inspect(other.name)).waiting === 1)
    await other.release()
    expect(await (await response).text()).toBe("done")
  })

  test("a manager that is closed gets a 503 with Retry-After, even with failOpen", async () => {
    const { locks, name } = lab()
    const manager = locks()
    const { work, runs } = openWork()
    const { ask } = guard({ locks: manager, name: name(), failOpen: true }, work)
    await manager.releaseAll()
    const response = await ask()
    expect(response.headers.get("Retry-After")).toMatch(RETRY_AFTER)
    expect(await problemOf(response)).toEqual({
      type: "lock-unavailable",
      status: 503,
      detail: "This server is shutting down.",
    })
    expect(runs()).toBe(0)
  })

  test("a request that waits when its manager is closed gets a 503, and leaves its place", async () => {
    const { locks, name } = lab()
    const other = await heldElsewhere(locks(), name())
    const manager = locks()
    const { ask } = guard({ locks: manager, name: other.name, wait: "1m" }, done)
    const response = ask()
    await until(async () => (await locks().inspect(other.name)).waiting === 1)
    await manager.releaseAll()
    expect((await response).status).toBe(503)
    expect((await locks().inspect(other.name)).waiting).toBe(0)
    await other.release()
  })

  test("a wait that times out gets a 423 as well", async () => {
    const { locks, name } = lab()
    const other = await heldElsewhere(locks(), name())
    const { work, runs } = openWork()
    const { ask } = guard({ locks: locks(), name: other.name, wait: 200 }, work)
    const response = await ask()
    expect(await problemOf(response)).toMatchObject({ type: "lock-busy", status: 423 })
    expect(response.headers.get("Retry-After")).toMatch(RETRY_AFTER)
    expect(runs()).toBe(0)
  })

  test("onBusy can respond instead, and gets the name and the wait", async () => {
    const { locks, name } = lab()
    const other = await heldElsewhere(locks(), name())
    const onBusy = (error: { lockName: string; waitedMs: number }) =>
      Response.json({ name: error.lockName, waited: error.waitedMs > 0 }, { status: 409 })
    const { ask } = guard({ locks: locks(), name: other.name, wait: 100, onBusy }, done)
    const response = await ask()
    expect(response.status).toBe(409)
    expect(await response.json()).toEqual({ name: other.name, waited: true })
  })

  test("a client that disconnects while it waits gives up its place, and the handler does not run", async () => {
    const { locks, name } = lab()
    const other = await heldElsewhere(locks(), name())
    const { work, runs } = openWork()
    const { ask } = guard({ locks: locks(), name: other.name, wait: "30s" }, work)
    const client = new AbortController()
    const context = keepingContext()
    const request = new Request("http://localhost/work", { signal: client.signal })
    const response = ask(request, context)
    await until(async () => (await locks().inspect(other.name)).waiting === 1)
    client.abort()
    expect((await response).status).toBe(499)
    // The request itself, and the clean-up of its acquire.
    await until(() => context.works.length === 2)
    await Promise.all(context.works)
    await until(async () => (await locks().inspect(other.name)).waiting === 0)
    expect(runs()).toBe(0)
  })

  test("an unreachable database gets a 503, and the handler does not run", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    proxy.plan = everything({ kind: "request-lost", by: "reset" })
    const { work, runs } = openWork()
    const { ask } = guard({ locks: locks(), name: name() }, work)
    const response = await ask()
    expect(await problemOf(response)).toMatchObject({ type: "lock-unavailable", status: 503 })
    expect(response.headers.get("Retry-After")).toMatch(RETRY_AFTER)
    expect(runs()).toBe(0)
  })

  test("a database that refuses gets a 503 without Retry-After, because it will refuse the next time, too", async () => {
    const { locks, name, url } = lab()
    const { ask } = guard(
      { locks: locks({ redis: { url, token: "not-the-token" } }), name: name() },
      done,
    )
    const response = await ask()
    expect(response.status).toBe(503)
    expect(response.headers.get("Retry-After")).toBeNull()
    expect(await response.text()).not.toContain("not-the-token")
  })

  test("onError can respond instead", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    proxy.plan = everything({ kind: "request-lost", by: "reset" })
    const onError = ({ phase }: { phase: string }) => new Response(phase, { status: 502 })
    const { ask } = guard({ locks: locks(), name: name(), onError }, done)
    const response = await ask()
    expect([response.status, await response.text()]).toEqual([502, "acquire"])
  })

  test("only failOpen lets the handler run without a lock, and the handler is told", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    proxy.plan = everything({ kind: "request-lost", by: "reset" })
    const { ask } = guard({ locks: locks(), name: name(), failOpen: true }, (_, lock) =>
      Response.json({ lock: lock === undefined ? "none" : "some" }),
    )
    expect(await (await ask()).json()).toEqual({ lock: "none" })
    proxy.plan = nothing
    await proxy.settled()
    expect(await (await ask()).json()).toEqual({ lock: "some" })
  })

  test("failOpen does not override another caller's hold", async () => {
    const { locks, name } = lab()
    const other = await heldElsewhere(locks(), name())
    const { ask } = guard({ locks: locks(), name: other.name, failOpen: true }, done)
    expect((await ask()).status).toBe(423)
  })

  test("no response reveals a token", async () => {
    const { locks, name } = lab()
    const own = name()
    const { ask } = guard({ locks: locks(), name: own }, done)
    const other = await heldElsewhere(locks(), own)
    const busy = await ask()
    await other.release()
    const served = await ask()
    for (const response of [busy, served]) {
      const said = JSON.stringify([...response.headers]) + (await response.text())
      expect(said).not.toContain("fl_")
    }
  })
}
