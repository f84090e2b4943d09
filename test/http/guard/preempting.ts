// What a guard does when the lock is held: it refuses, waits, or takes the lock from the older request.
import { setTimeout as sleep } from "node:timers/promises"
import { expect, test } from "vitest"
import { type Lock, type LockBackendError, LockLostError, LockManager } from "../../../src/index.js"
import { quorum } from "../../../src/quorum/index.js"
import type { Lab } from "../../contract/lab.js"
import { EventCount } from "../../support/event-count.js"
import { asksFor, everything, nothing } from "../../support/fault-proxy.js"
import { abortion, recorder, rejection, until } from "../../support/outcomes.js"
import { type Adapter, heldElsewhere, openWork, problemOf } from "./adapters.js"

/** Much less than a third of the ttl, after which a renewal would notice the steal. */
const AT_ONCE_MS = 5_000

export function preempting({ guard }: Adapter, lab: () => Lab): void {
  const done = () => new Response("done")
  const preempt = { conflict: "preempt" } as const

  /** A handler that stops as soon as its lock is lost, unless it is told to end before. */
  function obedient() {
    const locks: Lock[] = []
    let end!: () => void
    const told = new Promise<Response>((resolve) => {
      end = () => {
        resolve(done())
      }
    })
    const work = async (_: Request, lock: Lock | undefined) => {
      if (!lock) return new Response("without a lock")
      locks.push(lock)
      const lost = abortion(lock.signal).then((reason) => Promise.reject(reason as Error))
      return Promise.race([told, lost])
    }
    return { work, locks, end }
  }

  test("a newer request takes the lock; the older one's signal aborts, and its client gets a 409", async () => {
    const { locks, name } = lab()
    const { onEvent, of } = recorder()
    const { work, locks: held, end } = obedient()
    const { ask, thrown } = guard({ locks: locks({ onEvent }), name: name(), ...preempt }, work)
    const older = ask()
    await until(() => of("renewed").length === 1)
    const startedAt = performance.now()
    const newer = ask()
    const response = await older
    expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS)
    expect(response.headers.get("Retry-After")).toBeNull()
    expect(await problemOf(response)).toEqual({
      type: "lock-preempted",
      status: 409,
      detail: "A newer request has taken the lock. The work may have been done.",
    })
    expect(held[0]?.signal.reason).toMatchObject({ code: "lost", reason: "stolen" })
    await until(() => held.length === 2)
    end()
    expect(await (await newer).text()).toBe("done")
    expect(of("lost")).toMatchObject([{ reason: "stolen" }])
    expect(thrown.filter((error) => !(error instanceof LockLostError))).toEqual([])
  })

  test("a response that is being streamed under the lock ends with an error when a newer request comes", async () => {
    const { locks, name } = lab()
    const { onEvent, of } = recorder()
    const own = name()
    const options = { locks: locks({ onEvent }), name: own, release: "after-body" } as const
    let canceled: unknown
    const { ask } = guard({ ...options, ...preempt }, () => {
      const chunks = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode("once upon a time"))
        },
        cancel(reason) {
          canceled = reason
        },
      })
      return new Response(chunks)
    })
    const reader = (await ask()).body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe("once upon a time")
    await until(() => of("renewed").length === 1)
    const rest = rejection(reader?.read() ?? Promise.resolve())
    const newer = await ask()
    expect(await rest).toMatchObject({ reason: "stolen" })
    // Its source is told, too, so that it stops to work.
    expect(canceled).toMatchObject({ reason: "stolen" })
    await newer.body?.cancel()
    await until(async () => !(await locks().inspect(own)).isHeld)
  })

  test("a storm of requests ends with one that is served and 409s for all others, and with one end for each", async () => {
    const { locks, name } = lab()
    const count = new EventCount()
    const { onEvent, of } = recorder()
    const manager = locks({
      onEvent: (event) => {
        onEvent(event)
        count.onEvent(event)
      },
    })
    const own = name()
    const { work, end } = obedient()
    const { ask, thrown } = guard({ locks: manager, name: own, ...preempt }, work)
    count.begun = 20
    const statuses: number[] = []
    const asked = Array.from({ length: 20 }, async () => {
      statuses.push((await ask()).status)
    })
    await until(() => statuses.length === 19, { timeout: 20_000 })
    end()
    await Promise.all(asked)
    expect(statuses).toEqual([...Array<number>(19).fill(409), 200])
    expect(thrown.filter((error) => !(error instanceof LockLostError))).toEqual([])
    await until(() => count.open.length === 0)
    expect(count.miscounted()).toEqual([])
    expect(of("lost").map(({ reason }) => reason)).toEqual(Array(19).fill("stolen"))
    expect((await locks().inspect(own)).isHeld).toBe(false)
  }, 40_000)

  test("the lock of a dead holder is taken at once", async () => {
    const { locks, name } = lab()
    const dead = await locks().acquire(name(), { ttl: "1m", renew: false })
    const { ask } = guard({ locks: locks(), name: dead.name, ...preempt }, done)
    expect((await ask()).status).toBe(200)
    expect(await rejection(dead.extend())).toMatchObject({ reason: "stolen" })
  })

  test("those who wait in the queue keep their places, and are served after the newer request", async () => {
    const { locks, name } = lab()
    const holder = await heldElsewhere(locks(), name())
    const waiting = locks().acquire(holder.name, { wait: "30s" })
    await until(async () => (await locks().inspect(holder.name)).waiting === 1)
    const { ask } = guard({ locks: locks(), name: holder.name, ...preempt }, done)
    expect((await ask()).status).toBe(200)
    expect((await waiting).remainingMs).toBeGreaterThan(0)
  })

  test("a database that is down refuses the newer request, and leaves the older one its lock", async () => {
    const { locks, name, proxied } = lab()
    const { proxy, locks: through } = await proxied()
    const own = name()
    const { work, begun, end } = openWork()
    const older = guard({ locks: locks(), name: own, ...preempt }, work).ask()
    const lock = await begun
    proxy.plan = everything({ kind: "replaced", executed: false, status: 401, body: "{}" })
    const options = { locks: through(), name: own, ...preempt }
    expect(await problemOf(await guard(options, done).ask())).toMatchObject({ status: 503 })
    const open = guard({ ...options, failOpen: true }, (_, held) =>
      Response.json(held === undefined),
    )
    expect(await (await open.ask()).json()).toBe(true)
    const onError = (error: LockBackendError) => new Response(error.phase)
    expect(await (await guard({ ...options, onError }, done).ask()).text()).toBe("acquire")
    expect(lock.signal.aborted).toBe(false)
    end()
    expect((await older).status).toBe(200)
  })

  test("a client that leaves during the steal gets a 499, and leaves no lock behind", async () => {
    const { name, locks, proxied } = lab()
    const { proxy, locks: through } = await proxied()
    const own = name()
    proxy.plan = everything({ kind: "reply-delayed", ms: 500 })
    const client = new AbortController()
    const request = new Request("http://localhost/work", { method: "POST", signal: client.signal })
    const { ask } = guard({ locks: through(), name: own, ...preempt }, done)
    const asked = ask(request)
    await until(() => proxy.log.length > 0)
    client.abort()
    expect((await asked).status).toBe(499)
    proxy.plan = nothing
    await proxy.settled()
    await until(async () => !(await locks().inspect(own)).isHeld)
  })

  test("without contention it costs a stream and a check more", async () => {
    const { name, proxied } = lab()
    const { proxy, locks } = await proxied()
    const { onEvent, of } = recorder()
    const { work, end } = openWork()
    const asked = guard({ locks: locks({ onEvent }), name: name(), ...preempt }, work).ask()
    await until(() => of("renewed").length === 1)
    expect(proxy.log).toHaveLength(3)
    expect(proxy.log.filter((request) => asksFor(request, "SUBSCRIBE"))).toHaveLength(1)
    end()
    await asked
  })

  test("the events and the answer of an operator's forced release are those of a preemption", async () => {
    const { locks, name } = lab()
    const { onEvent, of } = recorder()
    const { work } = obedient()
    const own = name()
    const asked = guard({ locks: locks({ onEvent }), name: own, ...preempt }, work).ask()
    await until(() => of("renewed").length === 1)
    await locks().forceRelease(own)
    expect((await asked).status).toBe(409)
  })

  test("a lock that was lost in another way is answered as before, and onLost gets each loss", async () => {
    const { locks, name, command } = lab()
    const { work, begun } = openWork()
    const own = name()
    const options = { locks: locks(), name: own, ttl: "2s", ...preempt } as const
    const asked = guard(options, work).ask()
    await begun
    await command("DEL", `lock:${own}`)
    expect(await problemOf(await asked)).toMatchObject({ type: "lock-lost", status: 500 })
    const next = openWork()
    const onLost = ({ reason }: { readonly reason: string }) => new Response(reason)
    const answered = guard({ ...options, onLost }, next.work).ask()
    await next.begun
    await sleep(300)
    await locks().forceRelease(own)
    expect(await (await answered).text()).toBe("stolen")
  })

  test('conflict: "wait" waits as long as the manager does, and "refuse" does not', async () => {
    const { locks, name } = lab()
    const { onEvent, of } = recorder()
    const manager = locks({ onEvent, wait: "30s" })
    const holder = await heldElsewhere(locks(), name())
    const own = { locks: manager, name: holder.name }
    expect((await guard({ ...own, conflict: "refuse" }, done).ask()).status).toBe(423)
    expect((await guard({ ...own, conflict: "refuse", wait: 0 }, done).ask()).status).toBe(423)
    expect((await guard({ ...own, conflict: "wait", wait: 300 }, done).ask()).status).toBe(423)
    const waiting = guard({ ...own, conflict: "wait" }, done).ask()
    await until(() => of("queued").length > 0)
    await holder.release()
    expect((await waiting).status).toBe(200)
  })

  test.each([
    [{ conflict: "steal" }, "conflict: must be one of refuse, wait, preempt"],
    [{ conflict: true }, "conflict: must be one of refuse, wait, preempt"],
    [{ conflict: "refuse", wait: "5s" }, 'wait: cannot be "5s" with conflict: "refuse"'],
    [{ conflict: "preempt", wait: 1 }, 'wait: cannot be 1 with conflict: "preempt"'],
    [{ conflict: "wait", wait: 0 }, 'wait: cannot be 0 with conflict: "wait"'],
    [{ conflict: "preempt", mode: "shared" }, 'mode: cannot be "shared" with conflict: "preempt"'],
    [{ conflict: "wait", wait: "soon" }, "wait: must be milliseconds or text"],
  ])("the options %o are refused when the guard is created", (options, message) => {
    const all = { locks: lab().locks(), name: "a", ...options }
    expect(() => guard(all as never, done)).toThrow(message)
  })

  test("a quorum cannot preempt: refused when the guard is created, or when its manager is", async () => {
    const node = { url: "https://a.example", token: "t" }
    const redis = quorum([1, 2, 3].map((n) => ({ ...node, url: `https://${String(n)}.example` })))
    const locks = new LockManager({ redis })
    expect(() => guard({ locks, name: "a", ...preempt }, done)).toThrow('conflict: "preempt"')
    const { ask, thrown } = guard({ locks: () => locks, name: "a", ...preempt }, done)
    expect((await ask()).status).toBe(500)
    expect(thrown).toMatchObject([{ name: "NotSupportedError" }])
  })
}
