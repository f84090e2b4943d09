// The contract of ends: each call and each hold has exactly one event at its end.
import { expect, test } from "vitest"
import type { LockEvent, LockManager } from "../../src/index.js"
import { EventCount } from "../support/event-count.js"
import { always, everything, nothing } from "../support/fault-proxy.js"
import { abortion, acquireAtLast, recorder, rejection, until } from "../support/outcomes.js"
import type { Lab } from "./lab.js"

const REFUSED = { kind: "replaced", executed: false, status: 400, body: "{}" } as const

/** The events that end a call, and those that end a hold. */
const ENDS = ["granted", "not-granted", "released", "lost", "kept", "transferred"]

export function ending(lab: () => Lab): void {
  /** A manager whose events are counted; `ends` lists those that end a call or a hold. */
  function counting(open: (options: { onEvent: (event: LockEvent) => void }) => LockManager) {
    const { events, onEvent, of } = recorder()
    const count = new EventCount()
    const manager = open({
      onEvent: (event) => {
        onEvent(event)
        count.onEvent(event)
      },
    })
    const ends = () => events.map(({ type }) => type).filter((type) => ENDS.includes(type))
    return { manager, of, ends, count }
  }

  test("every call that is not granted the lock says why, once", async () => {
    const { proxied, locks, name } = lab()
    const { proxy, locks: through } = await proxied()
    const { manager, of, count } = counting(through)
    const { name: held } = await locks().acquire(name())
    const reason = new Error("enough")
    const patience = new AbortController()
    count.begun = 7
    await manager.tryAcquire(held)
    await rejection(manager.acquire(held, { wait: 0 }))
    await rejection(manager.acquire(held, { wait: 2_000 }))
    await rejection(manager.acquire(held, { maxRequests: 2 }))
    await rejection(manager.acquire(held, { signal: AbortSignal.abort(reason) }))
    const waiting = manager.acquire(held, { signal: patience.signal })
    await until(() => of("queued").length === 3)
    patience.abort(reason)
    expect(await rejection(waiting)).toBe(reason)
    proxy.plan = everything(REFUSED)
    await rejection(manager.request(name(), () => undefined))
    expect(of("not-granted").map((event) => [event.reason, event.wasQueued])).toEqual([
      ["busy", false],
      ["busy", false],
      ["timeout", true],
      ["timeout", true],
      ["aborted", false],
      ["aborted", true],
      ["error", false],
    ])
    const [busy, , timeout, , aborted, , error] = of("not-granted")
    expect(busy).toMatchObject({ name: held, requests: 1 })
    expect(timeout?.waitedMs).toBeGreaterThanOrEqual(1_999)
    expect(aborted?.requests).toBe(0)
    expect(error?.requests).toBeGreaterThan(0)
    expect(count.miscounted()).toEqual([])
  })

  test("a grant that crosses the abort of its call does not end it a second time", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const { manager, ends } = counting(locks)
    proxy.plan = everything({ kind: "reply-delayed", ms: 300 })
    const patience = new AbortController()
    const wanted = name()
    const acquiring = manager.acquire(wanted, { signal: patience.signal })
    await until(() => proxy.log.length > 0)
    patience.abort("enough")
    expect(await rejection(acquiring)).toBe("enough")
    await proxy.settled()
    proxy.plan = nothing
    // The clean-up has freed it.
    await acquireAtLast(lab().locks(), wanted)
    expect(ends()).toEqual(["not-granted"])
  })

  test("a call with a bad argument has no event", async () => {
    const { manager, ends } = counting(lab().locks)
    await rejection(manager.acquire("\ud800"))
    await rejection(manager.acquire("a", { ttl: -1 }))
    expect(ends()).toEqual([])
  })

  test("a hold that is released twice ends once", async () => {
    const { manager, ends } = counting(lab().locks)
    const lock = await manager.acquire(lab().name())
    await lock.release()
    await lock.release()
    await lock[Symbol.asyncDispose]()
    expect(ends()).toEqual(["granted", "released"])
  })

  test("a hold that was lost is still released, and does not end a second time", async () => {
    const { manager, ends, of } = counting(lab().locks)
    const expired = await acquireAtLast(manager, lab().name(), { ttl: 1_000, renew: false })
    await abortion(expired.signal)
    await expired.release()
    const deleted = await manager.acquire(lab().name())
    await lab().command("DEL", `lock:${deleted.name}`)
    await rejection(deleted.extend())
    await deleted[Symbol.asyncDispose]()
    // On a busy machine it takes several calls.
    expect(ends().filter((type) => type !== "not-granted")).toEqual([
      ...["granted", "lost", "granted", "lost"],
    ])
    expect(of("lost")[0]?.heldMs).toBeGreaterThan(0)
  })

  test("a hold that is kept ends with that, and neither its ttl nor its release ends it again", async () => {
    const { manager, ends, of } = counting(lab().locks)
    const lock = await acquireAtLast(manager, lab().name(), { ttl: 2_500 })
    await lock.keep(2_500)
    await lock.keep(2_600)
    await until(() => lock.signal.aborted)
    await lock.release()
    expect(ends().filter((type) => type !== "not-granted")).toEqual(["granted", "kept"])
    expect(of("kept")[0]?.heldMs).toBeGreaterThan(0)
  })

  test("a hold that is transferred ends here, and begins where it is adopted", async () => {
    const here = counting(lab().locks)
    const there = counting(lab().locks)
    const lock = await here.manager.acquire(lab().name())
    const transfer = lock.transfer()
    expect(await lock.release()).toBe("taken")
    const adopted = await there.manager.adopt(transfer)
    await adopted.release()
    await rejection(there.manager.adopt(transfer))
    expect(here.ends()).toEqual(["granted", "transferred"])
    expect(there.ends()).toEqual(["granted", "released", "not-granted"])
    expect(there.of("granted")).toMatchObject([{ requests: 1, wasQueued: false }])
    expect(there.of("not-granted")).toMatchObject([{ requests: 1, reason: "error" }])
    expect(here.of("transferred")[0]?.heldMs).toBeGreaterThan(0)
  })

  test("a hold whose release failed has ended, with an unknown result, however often it is released then", async () => {
    const { proxied, name } = lab()
    const { proxy, locks } = await proxied()
    const { manager, of, ends } = counting(locks)
    const lock = await acquireAtLast(manager, name())
    proxy.plan = always("release", REFUSED)
    await rejection(lock.release())
    proxy.plan = nothing
    await until(() =>
      lock.release().then(
        () => true,
        () => false,
      ),
    )
    expect(of("released")).toMatchObject([{ result: "unknown" }])
    expect(of("release-failed").length).toBeGreaterThan(0)
    expect(ends().filter((type) => type !== "not-granted")).toEqual(["granted", "released"])
  })

  test("all of several locks end once each", async () => {
    const { locks, name } = lab()
    const { manager, count, ends } = counting(locks)
    const names = [name(), name(), name()]
    const busy = await locks().acquire(names[1] ?? "")
    await rejection(manager.acquireAll(names, { wait: 200 }))
    await busy.release()
    const group = await manager.acquireAll(names)
    await group.release()
    await rejection(manager.acquireAll(names, { signal: AbortSignal.abort() }))
    expect(count.open).toEqual([])
    expect(ends().filter((type) => type === "granted")).toHaveLength(count.holds)
    expect(ends().filter((type) => type === "released")).toHaveLength(count.holds)
    expect(ends().filter((type) => type === "not-granted")).toHaveLength(2 + 3)
  })
}
