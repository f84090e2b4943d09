// How a hold ends: one event for it, the reason that its holder learns, and what is left open after it.
import { inspect } from "node:util"
import { afterEach, describe, expect, test, vi } from "vitest"
import { LockBackendError } from "../../src/index.js"
import type { Hold, Lock } from "../../src/hold/lock.js"
import { RedisError } from "../../src/redis/redis-error.js"
import type { LockQueue, Notice } from "../../src/redis/store.js"
import { now, Validity } from "../../src/time/validity.js"
import { rejection } from "../support/outcomes.js"
import { failed, type Script, scriptedStore } from "../support/scripted-store.js"
import { scriptedHold, TTL } from "../support/scripted-hold.js"
import { freeze, useVirtualTime } from "../support/virtual-time.js"

const renewed = () => Promise.resolve(Validity.ofTtl(now(), TTL))
const released = () => Promise.resolve("released" as const)

function hold(script: Script = {}, options: Partial<Hold> = {}) {
  return scriptedHold({ extend: [renewed], ...script }, options)
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

useVirtualTime()

describe("a hold has one event at its end", () => {
  const ENDS = ["lost", "released", "kept", "transferred"]
  test.for<[string, Script, (lock: Lock) => unknown, object]>([
    ["released", {}, (lock) => lock.release(), { type: "released", result: "released" }],
    [
      "released, with an unknown outcome",
      { release: [failed({ outcome: "refused", status: 400 }), released] },
      (lock) => rejection(lock.release()),
      { type: "released", result: "unknown" },
    ],
    ["kept", {}, (lock) => lock.keep("1m"), { type: "kept" }],
    ["transferred", {}, (lock) => lock.transfer(), { type: "transferred" }],
    ["lost", {}, () => pass(TTL), { type: "lost", reason: "expired" }],
  ])("%s", async ([, script, end, event], { expect }) => {
    const { lock, events } = hold(script)
    await end(lock)
    await lock.release()
    await pass(TTL)
    expect(events.filter(({ type }) => ENDS.includes(type))).toEqual([
      expect.objectContaining({ ...event, name: "a" }),
    ])
  })
})

describe("after its end", () => {
  test.for<[string, Script, (lock: Lock) => unknown]>([
    ["a release", {}, (lock) => lock.release()],
    [
      "a release that failed",
      { release: [failed({ outcome: "refused", status: 400 })] },
      (lock) => rejection(lock.release()),
    ],
    ["a transfer", {}, (lock) => lock.transfer()],
    ["a loss", {}, () => pass(TTL)],
  ])("its manager no longer holds the name: %s", async ([, script, end], { expect }) => {
    const { lock, open } = hold(script)
    expect(open.has("a")).toBe(true)
    await end(lock)
    expect(open.has("a")).toBe(false)
  })

  test("a hold that was lost keeps its reason when its manager revokes it", async () => {
    const { lock } = hold({ extend: [() => Promise.resolve("taken" as const)] })
    await rejection(lock.extend())
    await lock.revoke()
    expect(lock.signal.reason).toMatchObject({ reason: "taken" })
  })

  test("a hold that its manager revokes aborts its signal, and is released", async () => {
    const { lock, store } = hold()
    const { signal } = lock
    expect(await lock.revoke()).toBe("released")
    expect(signal.reason).toMatchObject({ code: "lost", reason: "released" })
    expect(store.count("release")).toBe(1)
  })

  test("a renewal that did not run, since the process was frozen, has not failed: the hold expired", async () => {
    const { lock } = hold({}, { renew: true })
    freeze(2 * TTL)
    expect(lock.signal.reason).toMatchObject({ reason: "expired" })
    await pass(1)
  })
})

test("a hold needs no listener: for its renewals, a release that fails, or a stream that ends", async () => {
  const { queue, tell } = watching()
  const release = [failed({ outcome: "refused", status: 400 }), released]
  const stealWatch = { channel: "c", queue }
  const { lock } = hold({ release }, { emit: undefined, renew: true, stealWatch })
  await pass(2 * TTL)
  expect(lock.remainingMs).toBeGreaterThan(0)
  tell({ kind: "end" })
  expect(await rejection(lock.release())).toBeInstanceOf(LockBackendError)
  expect(await lock.release()).toBe("released")
})

test("a renewal that fails because of a mistake of ours is not repeated", async () => {
  const { store } = hold({ extend: [() => Promise.reject(new TypeError("ours"))] }, { renew: true })
  await pass(TTL - 5_000)
  expect(store.count("extend")).toBe(1)
})

describe("an extension", () => {
  test("for longer is an event, and one for less than the hold has left is not", async () => {
    const { lock, of } = hold()
    await lock.extend("1s")
    expect(of("renewed")).toEqual([])
    await pass(1_000)
    await lock.extend()
    expect(of("renewed")).toMatchObject([{ name: "a", remainingMs: lock.remainingMs }])
  })

  test("is for the given ttl, or for that of the acquire call", async () => {
    const asked: number[] = []
    const store = {
      ...scriptedStore({ release: [released] }),
      extend: ({ ttlMs }: { ttlMs: number }) => {
        asked.push(ttlMs)
        return renewed()
      },
    }
    const { lock } = hold({}, { store })
    await lock.extend()
    await lock.extend("1h")
    expect(asked).toEqual([TTL, 3_600_000])
  })
})

test("a lock is printed without its token", () => {
  const { lock } = hold()
  const { expiresAtMs } = lock
  const printed = inspect(lock, { showHidden: true, getters: true })
  const facts = { name: "a", mode: "exclusive", fencingToken: undefined, expiresAtMs }
  expect(printed).toBe(`Lock ${inspect(facts)}`)
})

describe("a handle that nothing can reach any more", () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  /** As a garbage collector that takes everything at once. */
  function collectAll(): void {
    const deref = (): undefined => undefined
    vi.stubGlobal(
      "WeakRef",
      class {
        readonly deref = deref
      },
    )
  }

  test("is not renewed, and its hold is reported lost when its ttl is over", async () => {
    collectAll()
    const { store, of } = hold({}, { renew: true })
    await pass(TTL / 2)
    // Its expiry is left.
    expect(vi.getTimerCount()).toBe(1)
    await pass(TTL / 2)
    expect(store.asked).toEqual([])
    expect(of("lost")).toMatchObject([{ reason: "abandoned" }])
  })

  test("needs no check when the stream of its watch opens", async () => {
    collectAll()
    const { queue, tell } = watching()
    const { store } = hold({}, { stealWatch: { channel: "c", queue } })
    await pass(0)
    tell({ kind: "opened" })
    expect(store.asked).toEqual([])
  })
})

/** A queue whose stream opens at once, or fails, and delivers what the test says. */
function watching(opening: () => Promise<unknown> = () => Promise.resolve()) {
  let tell: (notice: Notice) => void = () => undefined
  const state = { closed: 0 }
  const listen: LockQueue["listen"] = async (_, onNotice) => {
    tell = onNotice
    await opening()
    return { close: () => state.closed++ }
  }
  const queue = { listen } as unknown as LockQueue
  return {
    queue,
    state,
    tell: (notice: Notice) => {
      tell(notice)
    },
  }
}

describe("a hold that watches", () => {
  test.for([
    ["with renewal is renewed", true, Infinity, TTL],
    ["without renewal is asked for, and not extended", false, Infinity, 1],
    ["that is limited is asked for, and not extended", true, 60_000, 1],
  ] as const)(
    "once its stream is open, a hold %s",
    async ([, renew, maxHoldMs, ttlMs], { expect }) => {
      const asked: number[] = []
      const store = {
        ...scriptedStore({ release: [released] }),
        extend: (request: { ttlMs: number }) => {
          asked.push(request.ttlMs)
          return renewed()
        },
      }
      const { queue } = watching()
      const stealWatch = { channel: "c", queue }
      const { lock } = hold({}, { store, stealWatch, renew, maxHoldMs })
      await pass(0)
      expect(asked).toEqual([ttlMs])
      await lock.release()
    },
  )

  test("is lost when it is told that it was stolen, and closes its stream", async () => {
    const { queue, state, tell } = watching()
    const { lock, of } = hold({}, { stealWatch: { channel: "c", queue } })
    await pass(0)
    tell({ kind: "stolen" })
    expect(lock.signal.reason).toMatchObject({ reason: "stolen" })
    expect(state.closed).toBe(1)
    // It is over: what comes later is of no interest.
    tell({ kind: "end" })
    expect(of("unwatched")).toEqual([])
  })

  test("opens no stream if it is a lease that is over already", async () => {
    const { queue } = watching(() => Promise.reject(new TypeError("fetch failed")))
    const validity = new Validity(now(), 0)
    const { of } = hold({}, { stealWatch: { channel: "c", queue }, isLease: true, validity })
    await pass(0)
    expect(of("lost")).toHaveLength(1)
    expect(of("unwatched")).toEqual([])
  })

  test("ignores the other messages of its stream", async () => {
    const { queue, tell } = watching()
    const { lock, of } = hold({}, { stealWatch: { channel: "c", queue } })
    await pass(0)
    tell({ kind: "next", leaseMs: 5 })
    expect(of("unwatched")).toEqual([])
    expect(lock.signal.aborted).toBe(false)
  })

  test.for([
    ["ended", undefined],
    ["refused", new RedisError("no", { outcome: "refused", status: 404 })],
    ["failed", new RedisError("lost", { outcome: "unknown" })],
    ["failed", new TypeError("fetch failed")],
  ] as const)("tells that its stream has %s", async ([reason, error], { expect }) => {
    const { queue, tell } = watching(error && (() => Promise.reject(error)))
    const { of } = hold({}, { stealWatch: { channel: "c", queue } })
    await pass(0)
    if (!error) tell({ kind: "end" })
    expect(of("unwatched")).toMatchObject([{ name: "a", reason }])
  })

  test("closes a stream that opens after its end, and checks nothing", async () => {
    let open: (value?: unknown) => void = () => undefined
    const { queue, state } = watching(() => new Promise((resolve) => (open = resolve)))
    const { lock, store } = hold({}, { stealWatch: { channel: "c", queue } })
    await lock.release()
    open()
    await pass(0)
    expect(state.closed).toBe(1)
    expect(store.count("extend")).toBe(0)
  })
})
