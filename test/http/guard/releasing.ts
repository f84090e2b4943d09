// When a guard releases: before the response, after it, or after its body; and that it always does.
import { expect, test } from "vitest"
import type { Lab } from "../../contract/lab.js"
import { inOrder } from "../../support/fault-proxy.js"
import { durationOf, until } from "../../support/outcomes.js"
import { type Adapter, keepingContext, openWork } from "./adapters.js"

/** The delay of a release: longer than anything else takes. */
const HELD_UP_MS = 3_000

export function releasing({ guard }: Adapter, lab: () => Lab): void {
  const isHeld = async (name: string) => (await lab().locks().inspect(name)).isHeld
  const isFree = async (name: string) => !(await isHeld(name))
  const done = () => new Response("done")

  test("the response does not wait for the release, which is passed to waitUntil", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const own = name()
    proxy.plan = inOrder("release", { kind: "request-delayed", ms: HELD_UP_MS })
    const { ask } = guard({ locks: locks(), name: own }, done)
    const context = keepingContext()
    expect(await durationOf(ask(undefined, context))).toBeLessThan(HELD_UP_MS / 2)
    expect(await isHeld(own)).toBe(true)
    expect(context.works).toHaveLength(1)
    await Promise.all(context.works)
    expect(await isFree(own)).toBe(true)
  })

  test("the guard adds one request before the response, and one after it", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    let before = 0
    const { ask } = guard({ locks: locks(), name: name() }, () => {
      before = proxy.log.length
      return done()
    })
    const context = keepingContext()
    await ask(undefined, context)
    await Promise.all(context.works)
    expect([before, proxy.log.length]).toEqual([1, 2])
    expect(proxy.seen("claim")).toHaveLength(1)
    expect(proxy.seen("release")).toHaveLength(1)
  })

  test("without a waitUntil the release runs in the background", async () => {
    const { locks, name } = lab()
    const own = name()
    const { ask } = guard({ locks: locks(), name: own }, done)
    await ask()
    await until(() => isFree(own))
  })

  test("if the runtime has no waitUntil, the manager's waitUntil gets the release", async () => {
    const { locks, name } = lab()
    const own = name()
    const context = keepingContext()
    const waitUntil = (work: Promise<unknown>) => {
      context.waitUntil(work)
    }
    const { ask } = guard({ locks: locks({ waitUntil }), name: own }, done)
    await ask()
    expect(context.works).toHaveLength(1)
    await Promise.all(context.works)
    expect(await isFree(own)).toBe(true)
  })

  test("with before-response, the lock is free when the response comes", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const own = name()
    proxy.plan = inOrder("release", { kind: "request-delayed", ms: 300 })
    const { ask } = guard({ locks: locks(), name: own, release: "before-response" }, done)
    expect(await (await ask()).text()).toBe("done")
    expect(await isFree(own)).toBe(true)
  })

  test.each(["before-response", "after-response", "after-body"] as const)(
    "with %s, a handler that throws releases as well, and its error is passed on",
    async (release) => {
      const { locks, name } = lab()
      const own = name()
      const error = new Error("failed on purpose")
      const { ask, thrown } = guard({ locks: locks(), name: own, release }, () => {
        throw error
      })
      const context = keepingContext()
      expect(await (await ask(undefined, context)).text()).toBe("failed")
      expect(thrown).toEqual([error])
      await Promise.all(context.works)
      expect(await isFree(own)).toBe(true)
    },
  )

  test("a handler that has released the lock itself, or kept it, is left alone", async () => {
    const { locks, name } = lab()
    const [released, kept] = [name(), name()]
    const context = keepingContext()
    const early = guard({ locks: locks(), name: released }, async (_, lock) =>
      Response.json(await lock?.release()),
    )
    expect(await (await early.ask(undefined, context)).json()).toBe("released")
    const keeps = guard({ locks: locks(), name: kept }, async (_, lock) => {
      await lock?.keep("1h")
      return done()
    })
    expect((await keeps.ask(undefined, context)).status).toBe(200)
    await Promise.all(context.works)
    expect(await isHeld(kept)).toBe(true)
  })

  test("if the client disconnects while the handler runs, the lock is held to the end of the handler, then free", async () => {
    const { locks, name } = lab()
    const own = name()
    const { work, begun, end } = openWork()
    const { ask } = guard({ locks: locks(), name: own }, work)
    const client = new AbortController()
    const asked = ask(new Request("http://localhost/work", { signal: client.signal }))
    await begun
    client.abort()
    expect(await isHeld(own)).toBe(true)
    end()
    await asked
    await until(() => isFree(own))
  })

  /** A body whose chunks are sent when they are read. */
  function streamed(options: UnderlyingDefaultSource<Uint8Array> = {}): Response {
    let sent = 0
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      if (sent === 3) controller.close()
      else controller.enqueue(new TextEncoder().encode(String(sent++)))
    }
    const headers = { "X-Own": "kept", "Content-Type": "text/csv" }
    const stream = new ReadableStream({ pull, ...options }, { highWaterMark: 0 })
    return new Response(stream, { status: 202, headers })
  }

  test("with after-body, a body that is never read ends with the ttl", async () => {
    const { locks, name } = lab()
    const own = name()
    const options = { locks: locks(), name: own, ttl: 1_500, release: "after-body" } as const
    const { ask } = guard(options, () => new Response("never read"))
    await ask()
    expect(await locks().tryAcquire(own)).toBeNull()
    await until(async () => (await locks().tryAcquire(own)) !== null, { timeout: 10_000 })
  })

  const afterBody = (work: () => Response, more: { ttl?: number } = {}) => {
    const { locks, name } = lab()
    const own = name()
    return { own, ...guard({ locks: locks(), name: own, release: "after-body", ...more }, work) }
  }

  test("with after-body, the lock is held until the body has been read", async () => {
    const { own, ask } = afterBody(() => streamed())
    const context = keepingContext()
    const response = await ask(undefined, context)
    expect(response.status).toBe(202)
    expect(response.headers.get("X-Own")).toBe("kept")
    expect(response.headers.get("Content-Type")).toBe("text/csv")
    expect(await isHeld(own)).toBe(true)
    expect(await response.text()).toBe("012")
    await Promise.all(context.works)
    expect(await isFree(own)).toBe(true)
  })

  test("with after-body, a canceled body releases the lock, after its source has ended", async () => {
    let reason: unknown
    const cancel = (given: unknown) => {
      reason = given
    }
    const { own, ask } = afterBody(() => streamed({ cancel }))
    const response = await ask()
    await response.body?.cancel("enough")
    expect(reason).toBe("enough")
    await until(() => isFree(own))
  })

  test("with after-body, a body that fails releases the lock, and the client sees the failure", async () => {
    const pull = () => Promise.reject(new Error("the source broke"))
    const { own, ask } = afterBody(() => streamed({ pull }))
    const response = await ask()
    await expect(response.text()).rejects.toThrow("the source broke")
    await until(() => isFree(own))
  })

  test("with after-body, a client that disconnects before it has read the body releases the lock", async () => {
    const { own, ask } = afterBody(() => streamed())
    const client = new AbortController()
    const response = await ask(new Request("http://localhost/work", { signal: client.signal }))
    expect(await isHeld(own)).toBe(true)
    client.abort()
    await until(() => isFree(own))
    await expect(response.text()).rejects.toThrow()
  })

  test("with after-body, the body breaks off if the hold is lost", async () => {
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      controller.enqueue(new Uint8Array(1))
      return new Promise<void>(() => undefined)
    }
    const { own, ask } = afterBody(() => streamed({ pull }), { ttl: 1_500 })
    const response = await ask()
    await lab().command("DEL", `lock:${own}`)
    await expect(response.text()).rejects.toThrow("is no longer held")
  })

  test.each([
    ["no body", "POST", () => new Response(null, { status: 204 })],
    ["a HEAD, whose body nobody reads", "HEAD", () => streamed()],
  ])("with after-body and %s, the lock is released after the response", async (_, method, work) => {
    const { own, ask } = afterBody(work)
    expect((await ask(new Request("http://localhost/work", { method }))).ok).toBe(true)
    await until(() => isFree(own))
  })
}
