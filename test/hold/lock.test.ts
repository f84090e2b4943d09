// One hold, step by step, against a store that answers as told and clocks that move as told.
import { describe, expect, test, vi } from "vitest"
import { LockBackendError, LockLostError } from "../../src/index.js"
import { type Hold, Lock } from "../../src/hold/lock.js"
import { now, Validity } from "../../src/time/validity.js"
import { recorder, rejection } from "../support/outcomes.js"
import { failed, type Script, scriptedStore } from "../support/scripted-store.js"
import { useVirtualTime } from "../support/virtual-time.js"

const TTL = 30_000
/** What is left of the ttl at its beginning, less the drift. */
const VALID = TTL - TTL / 100 - 2

/** Extends as a database does: from the moment on at which it was asked. */
const renewed = (ttlMs = TTL) => {
  return () => Promise.resolve(Validity.ofTtl(now(), ttlMs))
}
const answered = <T extends string>(answer: T) => {
  return () => Promise.resolve(answer)
}

function hold(script: Script = {}, options: Partial<Hold> = {}) {
  const store = scriptedStore({ release: [answered("released")], ...script })
  const { onEvent, events, of } = recorder()
  const startedAt = Date.now()
  const lock = new Lock({
    store,
    claim: { name: "a", token: "fl_a_b" },
    mode: "exclusive",
    ttlMs: TTL,
    validity: Validity.ofTtl(now(), TTL),
    isLease: false,
    fencingToken: undefined,
    renew: false,
    maxHoldMs: Infinity,
    timeoutMs: 5_000,
    emit: onEvent,
    waitUntil: () => undefined,
    withdrawUnsettled: () => [],
    ...options,
  })
  const asked = () =>
    store.asked.map(({ operation, atMs }) => `${operation} at ${String(atMs - startedAt)}`)
  return { lock, store, events, of, asked }
}

/** A refusal that passes. */
const READONLY = { outcome: "refused", status: 400, refusal: "transient" } as const

useVirtualTime()

describe("time", () => {
  test("a hold is over a little before its key is, by the drift", async () => {
    const { lock, of } = hold()
    expect(lock.remainingMs).toBe(VALID)
    await vi.advanceTimersByTimeAsync(VALID - 1)
    expect(lock.remainingMs).toBe(1)
    expect(of("lost")).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(of("lost")).toEqual([{ type: "lost", name: "a", reason: "expired" }])
    expect(lock.remainingMs).toBe(0)
  })

  test("a wall clock that is set back prolongs nothing", async () => {
    const { lock, of } = hold()
    vi.setSystemTime(Date.now() - 3_600_000)
    expect(lock.remainingMs).toBe(VALID)
    await vi.advanceTimersByTimeAsync(VALID)
    expect(of("lost")).toHaveLength(1)
  })

  test("a hold whose time went by while the machine slept is over as soon as anybody looks", () => {
    const { lock } = hold()
    // The wall clock knows of the sleep; timers and the monotonic clock do not.
    vi.setSystemTime(Date.now() + VALID)
    expect(lock.remainingMs).toBe(0)
    expect(lock.signal.reason).toMatchObject({ reason: "expired" })
  })

  test("a ttl that no timer can wait for is waited for all the same", async () => {
    const ttlMs = 2 ** 33
    const delays = vi.spyOn(globalThis, "setTimeout")
    const { of } = hold({}, { ttlMs, validity: Validity.ofTtl(now(), ttlMs) })
    await vi.advanceTimersByTimeAsync(ttlMs * 0.99 - 10)
    expect(of("lost")).toEqual([])
    await vi.advanceTimersByTimeAsync(10)
    expect(of("lost")).toHaveLength(1)
    for (const [, ms] of delays.mock.calls) expect(ms).toBeLessThan(2 ** 31)
  })

  test("the longest ttl that there is can be held", () => {
    const ttlMs = Number.MAX_SAFE_INTEGER
    const { lock } = hold({}, { ttlMs, validity: Validity.ofTtl(now(), ttlMs), renew: true })
    expect(lock.remainingMs).toBeGreaterThan(2 ** 52)
    expect(Number.isFinite(lock.expiresAtMs)).toBe(true)
  })
})

describe("extend", () => {
  test("asks again while the outcome is unknown", async () => {
    const { lock, asked } = hold({ extend: [failed(), failed(), renewed()] })
    const extending = lock.extend()
    await vi.advanceTimersByTimeAsync(1_000)
    await extending
    expect(asked()).toEqual(["extend at 0", "extend at 100", "extend at 300"])
  })

  test("is given no more time than half of what is left, so that it can be asked twice", async () => {
    const { lock, store } = hold({ extend: [renewed()] })
    await vi.advanceTimersByTimeAsync(VALID - 1_000)
    await lock.extend()
    expect(store.asked[0]?.timeoutMs).toBe(500)
  })

  test("sends nothing once a release was sent, not even again", async () => {
    const { lock, asked } = hold({ extend: [failed()] })
    const extending = rejection(lock.extend())
    await vi.advanceTimersByTimeAsync(50)
    await lock.release()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await extending).toMatchObject({ name: "LockLostError", reason: "released" })
    expect(asked()).toEqual(["extend at 0", "release at 50"])
  })

  test("that is answered after a release neither revives nor loses the hold", async () => {
    const { lock, of } = hold({
      extend: [
        async () => {
          await new Promise((resolve) => setTimeout(resolve, 100))
          return "gone" as const
        },
      ],
    })
    const extending = rejection(lock.extend())
    await lock.release()
    await vi.advanceTimersByTimeAsync(100)
    expect(await extending).toMatchObject({ reason: "released" })
    expect(lock.signal.aborted).toBe(false)
    expect(of("lost")).toEqual([])
  })

  test("that is answered after the end of the hold does not revive it", async () => {
    const late = Validity.ofTtl(now(), 10 * TTL)
    const { lock, of } = hold({
      extend: [
        async () => {
          await new Promise((resolve) => setTimeout(resolve, VALID + 10))
          return late
        },
      ],
    })
    const extending = rejection(lock.extend("10m"))
    await vi.advanceTimersByTimeAsync(VALID + 10)
    expect(await extending).toBeInstanceOf(LockLostError)
    expect(lock.remainingMs).toBe(0)
    expect(of("renewed")).toEqual([])
  })

  test("that fails leaves the hold as it was", async () => {
    const { lock } = hold({ extend: [failed({ outcome: "refused", status: 400 })] })
    expect(await rejection(lock.extend())).toMatchObject({ phase: "extend", status: 400 })
    expect(lock.remainingMs).toBe(VALID)
    expect(await lock.release()).toBe("released")
  })

  test("that fails at the end of the hold says that it is lost", async () => {
    const { lock } = hold({ extend: [failed()] })
    await vi.advanceTimersByTimeAsync(VALID - 150)
    const extending = rejection(lock.extend())
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await extending).toBeInstanceOf(LockLostError)
  })
})

describe("deadlines", () => {
  test("an extension takes no longer in all than one request may", async () => {
    const { lock, asked } = hold({ extend: [failed()] }, { timeoutMs: 250 })
    const extending = rejection(lock.extend())
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await extending).toMatchObject({ name: "LockBackendError", phase: "extend" })
    expect(asked()).toEqual(["extend at 0", "extend at 100"])
  })

  test("an extension in the last moments of a hold has a usable deadline", async () => {
    const { lock, store } = hold({ extend: [renewed()] })
    await vi.advanceTimersByTimeAsync(VALID - 20)
    await lock.extend()
    expect(store.asked[0]?.timeoutMs).toBe(250)
  })

  test("a release keeps its time when the wall clock jumps two hours", async () => {
    const { lock, store } = hold({ release: [failed(), answered("released")] })
    const releasing = lock.release()
    vi.setSystemTime(Date.now() + 7_200_000)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await releasing).toBe("released")
    expect(store.asked.map(({ timeoutMs }) => timeoutMs)).toEqual([5_000, 4_900])
  })

  test("a release takes no longer in all than one request may", async () => {
    const { lock, store, asked } = hold({ release: [failed()] }, { timeoutMs: 250 })
    const releasing = rejection(lock.release())
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await releasing).toMatchObject({ name: "LockBackendError", phase: "release" })
    expect(asked()).toEqual(["release at 0", "release at 100"])
    expect(store.asked.map(({ timeoutMs }) => timeoutMs)).toEqual([250, 250])
  })

  test("each release of a scope has the time of one request", async () => {
    const { lock, store } = hold({ release: [failed(), answered("released")] })
    await lock[Symbol.asyncDispose]()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(store.asked.map(({ timeoutMs }) => timeoutMs)).toEqual([5_000, 5_000])
  })

  test("an extension that failed when the hold was over is not waited for any longer", async () => {
    const slow = async () => {
      await new Promise((resolve) => setTimeout(resolve, VALID))
      return failed()()
    }
    const { lock } = hold({ extend: [slow] }, { timeoutMs: 2 * TTL })
    let isOver = false
    const extending = rejection(lock.extend()).finally(() => (isOver = true))
    await vi.advanceTimersByTimeAsync(VALID)
    expect(isOver).toBe(true)
    expect(await extending).toMatchObject({ reason: "expired" })
  })
})

describe("what became of it", () => {
  test("a hold that is gone before its time was deleted, one that somebody else has was taken", async () => {
    for (const [answer, reason] of [
      ["gone", "deleted"],
      ["taken", "taken"],
      ["stolen", "stolen"],
    ] as const) {
      const { lock } = hold({ extend: [answered(answer)] })
      expect(await rejection(lock.extend())).toMatchObject({ reason })
    }
  })

  test("a hold whose time was up when the database said that it is gone has expired", async () => {
    const slow = async () => {
      await new Promise((resolve) => setTimeout(resolve, VALID))
      return "gone" as const
    }
    const { lock } = hold({ extend: [slow] }, { timeoutMs: 2 * TTL })
    const extending = rejection(lock.extend())
    await vi.advanceTimersByTimeAsync(VALID)
    expect(await extending).toMatchObject({ reason: "expired" })
  })

  test("a hold that was lost stays lost with its reason, also when it is released", async () => {
    const { lock } = hold({ release: [answered("gone")] })
    await vi.advanceTimersByTimeAsync(VALID)
    await lock.release()
    expect(await rejection(lock.extend())).toBe(lock.signal.reason)
    expect(lock.signal.reason).toMatchObject({ reason: "expired" })
  })

  test("a hold that was released has nothing left, and is not lost when its time is over", async () => {
    const { lock, of } = hold()
    await lock.release()
    expect(lock.remainingMs).toBe(0)
    await vi.advanceTimersByTimeAsync(TTL)
    expect(lock.signal.aborted).toBe(false)
    expect(of("lost")).toEqual([])
  })

  test("a hold that was given away is not released here, neither by hand nor by its scope", async () => {
    const { lock, store } = hold({}, { fencingToken: 7, mode: "shared" })
    expect(lock.transfer()).toEqual({
      name: "a",
      token: lock.token,
      ttlMs: TTL,
      fencingToken: 7,
      mode: "shared",
    })
    expect(await lock.release()).toBe("taken")
    await lock[Symbol.asyncDispose]()
    expect(store.asked).toEqual([])
    expect(() => lock.transfer()).toThrow(LockLostError)
  })

  test("what is handed over says no more than there is", () => {
    const { lock } = hold()
    expect(Object.keys(lock.transfer())).toEqual(["name", "token", "ttlMs"])
  })

  test("a hold that is kept outlives its scope, and is released by hand", async () => {
    const { lock, store } = hold({ extend: [renewed(3_600_000)] }, { renew: true })
    await lock.keep("1h")
    await lock[Symbol.asyncDispose]()
    expect(store.count("release")).toBe(0)
    expect(await lock.release()).toBe("released")
  })

  test("a hold that is kept is not reported lost at its end, though a renewal was under way", async () => {
    let answer: (validity: Validity) => void = () => undefined
    const slow = () => new Promise<Validity>((resolve) => (answer = resolve))
    const { lock, of } = hold({ extend: [slow, renewed(TTL)] }, { renew: true })
    await vi.advanceTimersByTimeAsync(TTL / 2)
    await lock.keep(TTL)
    answer(Validity.ofTtl(now(), TTL))
    await vi.advanceTimersByTimeAsync(3 * TTL)
    expect(of("lost")).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  test("a hold whose renewal was stopped is not renewed; one that has none can be asked to stop it", async () => {
    const { lock, store } = hold({ extend: [renewed()] }, { renew: true })
    lock.stopRenewing()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(store.count("extend")).toBe(0)
    hold().lock.stopRenewing()
  })

  test("as JSON it is its name, its mode, its fencing token and its end", () => {
    const { lock } = hold({}, { fencingToken: 7 })
    const { expiresAtMs } = lock
    expect(lock.toJSON()).toEqual({ name: "a", mode: "exclusive", fencingToken: 7, expiresAtMs })
  })
})

describe("renewal", () => {
  test("comes at each third of the ttl", async () => {
    const { lock, asked } = hold({ extend: [renewed()] }, { renew: true })
    await vi.advanceTimersByTimeAsync(30_000)
    expect(asked()).toEqual(["extend at 9698", "extend at 19396", "extend at 29094"])
    lock.transfer()
  })

  test("that fails is tried again, ever sooner than a tenth of the ttl, until the hold is over", async () => {
    const { store, of } = hold({ extend: [failed()] }, { renew: true })
    await vi.advanceTimersByTimeAsync(VALID)
    expect(of("lost")).toEqual([{ type: "lost", name: "a", reason: "unreachable" }])
    const sent = store.count("extend")
    expect(sent).toBeGreaterThan(8)
    await vi.advanceTimersByTimeAsync(VALID)
    expect(store.count("extend")).toBe(sent)
  })

  test("that was refused is tried again: whoever was refused may be let in later", async () => {
    const refused = failed({ outcome: "refused", status: 401 })
    const { lock, of } = hold({ extend: [refused, refused, renewed()] }, { renew: true })
    await vi.advanceTimersByTimeAsync(15_000)
    expect(of("renewed")).toHaveLength(1)
    expect(lock.signal.aborted).toBe(false)
    lock.transfer()
  })

  test("follows an extension by hand, and forgets its own failures", async () => {
    const extend = [failed(), renewed(600_000), failed()]
    const { lock, store, of } = hold({ extend }, { renew: true })
    await vi.advanceTimersByTimeAsync(9_698)
    await lock.extend("10m")
    const timers = vi.spyOn(globalThis, "setTimeout")
    await vi.advanceTimersByTimeAsync(60_000)
    expect(store.count("extend")).toBe(2)
    expect(timers.mock.calls.length).toBeLessThan(3)
    vi.setSystemTime(Date.now() + 600_000)
    expect(lock.signal.aborted).toBe(true)
    expect(of("lost")[0]?.reason).toBe("expired")
  })

  test("ends with the loss that it learned of", async () => {
    const { lock, store, of } = hold({ extend: [answered("taken")] }, { renew: true })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(of("lost")).toEqual([{ type: "lost", name: "a", reason: "taken" }])
    expect(store.count("extend")).toBe(1)
    expect(lock.signal.reason).toMatchObject({ reason: "taken" })
  })

  test("of a bounded hold stops with one last extension, for what is left", async () => {
    const { lock, asked, of } = hold(
      { extend: [renewed(), renewed(20_604)] },
      { renew: true, maxHoldMs: 40_000 },
    )
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked()).toEqual(["extend at 9698", "extend at 19396"])
    expect(of("lost")).toEqual([{ type: "lost", name: "a", reason: "expired" }])
    expect(lock.signal.aborted).toBe(true)
  })
})

describe("release", () => {
  test("answered taken or gone after an unknown outcome has released", async () => {
    for (const answer of ["taken", "gone"] as const) {
      const { lock, of } = hold({ release: [failed(), answered(answer)] })
      const releasing = lock.release()
      await vi.advanceTimersByTimeAsync(1_000)
      expect(await releasing).toBe("released")
      expect(of("released")).toMatchObject([{ result: "released" }])
    }
  })

  test("answered gone after a refusal that passes says gone: the refused one released nothing", async () => {
    const { lock } = hold({ release: [failed(READONLY), answered("gone")] })
    const releasing = lock.release()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await releasing).toBe("gone")
  })

  test("that the database refuses for a while is tried again at the end of a scope, without being waited for", async () => {
    const refusals = [failed(READONLY), failed(READONLY), failed(READONLY), failed(READONLY)]
    const { lock, store, of } = hold({ release: [...refusals, answered("released")] })
    await lock[Symbol.asyncDispose]()
    expect(store.count("release")).toBe(1)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(of("released")).toMatchObject([{ result: "released" }])
    expect(of("release-failed")).toEqual([])
  })

  test("that is refused permanently is sent once, and reported", async () => {
    const { lock, store, of } = hold({ release: [failed({ outcome: "refused", status: 401 })] })
    await lock[Symbol.asyncDispose]()
    expect(store.count("release")).toBe(1)
    expect(of("release-failed")).toHaveLength(1)
  })

  test("that failed and is called again knows that the first one may have released", async () => {
    const { lock } = hold({ release: [failed(), failed(), failed(), answered("gone")] })
    const releasing = rejection(lock.release())
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await releasing).toBeInstanceOf(LockBackendError)
    expect(await lock.release()).toBe("released")
  })

  test("of a hold that was lost before says who has it, whatever went wrong meanwhile", async () => {
    const { lock } = hold({ release: [failed(), answered("taken")] })
    await vi.advanceTimersByTimeAsync(VALID)
    const releasing = lock.release()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await releasing).toBe("taken")
  })

  test("is left out at the end of a scope where the database said that the hold is over", async () => {
    const { lock, store } = hold({ extend: [answered("taken")] })
    await rejection(lock.extend())
    await lock[Symbol.asyncDispose]()
    expect(store.count("release")).toBe(0)
  })

  test("is sent at the end of a scope where only the clock said so", async () => {
    const { lock, store } = hold()
    await vi.advanceTimersByTimeAsync(VALID)
    await lock[Symbol.asyncDispose]()
    expect(store.count("release")).toBe(1)
  })

  test("at the end of a scope is one release, however often it ends", async () => {
    const { lock, store } = hold()
    await Promise.all([lock[Symbol.asyncDispose](), lock[Symbol.asyncDispose]()])
    await lock[Symbol.asyncDispose]()
    expect(store.count("release")).toBe(1)
  })

  test("that fails at the end of a scope is tried again until the hold is over, then reported", async () => {
    const { lock, store, of } = hold({ release: [failed()] })
    await lock[Symbol.asyncDispose]()
    await vi.advanceTimersByTimeAsync(VALID - 2_000)
    expect(of("release-failed")).toEqual([])
    expect(store.count("release")).toBeGreaterThan(10)
    await vi.advanceTimersByTimeAsync(4_000)
    expect(of("release-failed")).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe("requests that were given up", () => {
  test("are withdrawn after the release, once, and that is told to waitUntil", async () => {
    const waitUntil = vi.fn()
    const withdrawUnsettled = vi.fn(() => [Promise.resolve()])
    const { lock, store } = hold({}, { withdrawUnsettled, waitUntil })
    expect(withdrawUnsettled).not.toHaveBeenCalled()
    await lock.release()
    await lock.release()
    expect(store.count("release")).toBe(1)
    expect(withdrawUnsettled).toHaveBeenCalledOnce()
    expect(waitUntil).toHaveBeenCalledExactlyOnceWith(expect.any(Promise))
  })

  test("are none where there are none", async () => {
    const waitUntil = vi.fn()
    const { lock } = hold({}, { waitUntil })
    await lock.release()
    expect(waitUntil).not.toHaveBeenCalled()
  })
})

test("a mistake of ours in a release is no failure of the database, and is thrown as it is", async () => {
  const mistake = new TypeError("ours")
  const { lock, of } = hold({ release: [() => Promise.reject(mistake)] })
  expect(await rejection(lock.release())).toBe(mistake)
  expect(of("release-failed")).toEqual([])
})

describe("what is left behind", () => {
  test.for<[string, (lock: Lock) => unknown]>([
    ["a release", (lock) => lock.release()],
    ["a release that failed", (lock) => rejection(lock.release())],
    ["a transfer", (lock) => lock.transfer()],
    ["a kept lock's scope", (lock) => lock.keep("1h").then(() => lock[Symbol.asyncDispose]())],
    ["a loss", (lock) => rejection(lock.extend())],
    ["an expiry", () => vi.advanceTimersByTimeAsync(VALID)],
  ])("no timer runs after %s", async ([how, end]) => {
    const extend = how === "a loss" ? [answered("gone")] : [renewed()]
    const release = how.endsWith("failed") ? [failed()] : [answered("released")]
    const renew = how !== "an expiry"
    const { lock } = hold({ extend, release }, { renew })
    const ending = Promise.resolve(end(lock))
    await vi.advanceTimersByTimeAsync(1_000)
    await ending
    expect(vi.getTimerCount()).toBe(0)
  })
})
