// One hold, step by step, with a scripted store and clocks that the test moves.
import { describe, expect, test, vi } from "vitest"
import { LockBackendError, LockLostError } from "../../src/index.js"
import type { Hold, Lock } from "../../src/hold/lock.js"
import { now, Validity } from "../../src/time/validity.js"
import { rejection } from "../support/outcomes.js"
import { failed, type Script } from "../support/scripted-store.js"
import { scriptedHold, TTL } from "../support/scripted-hold.js"
import { useVirtualTime } from "../support/virtual-time.js"

/** The remaining validity at its start: the ttl less the drift. */
const VALID = TTL - TTL / 100 - 2

/** Extends as a database does: from the moment of the request. */
const renewed = (ttlMs = TTL) => {
  return () => Promise.resolve(Validity.ofTtl(now(), ttlMs))
}
const answered = <T extends string>(answer: T) => {
  return () => Promise.resolve(answer)
}

function hold(script: Script = {}, options: Partial<Hold> = {}) {
  const startedAt = Date.now()
  const { store, ...rest } = scriptedHold(script, options)
  const asked = () =>
    store.asked.map(({ operation, atMs }) => `${operation} at ${String(atMs - startedAt)}`)
  return { ...rest, store, asked }
}

/** A temporary refusal. */
const READONLY = { outcome: "refused", status: 400, refusal: "transient" } as const

useVirtualTime()

describe("time", () => {
  test("a hold expires a little before its key does, by the drift", async () => {
    const { lock, of } = hold()
    expect(lock.remainingMs).toBe(VALID)
    await vi.advanceTimersByTimeAsync(VALID - 1)
    expect(lock.remainingMs).toBe(1)
    expect(of("lost")).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(of("lost")).toMatchObject([{ name: "a", reason: "expired" }])
    expect(lock.remainingMs).toBe(0)
  })

  test("a wall clock that is set back prolongs nothing", async () => {
    const { lock, of } = hold()
    vi.setSystemTime(Date.now() - 3_600_000)
    expect(lock.remainingMs).toBe(VALID)
    await vi.advanceTimersByTimeAsync(VALID)
    expect(of("lost")).toHaveLength(1)
  })

  test("a hold that expired while the machine slept is over at the next access", () => {
    const { lock } = hold()
    // The wall clock knows of the sleep; timers and the monotonic clock do not.
    vi.setSystemTime(Date.now() + VALID)
    expect(lock.remainingMs).toBe(0)
    expect(lock.signal.reason).toMatchObject({ reason: "expired" })
  })

  test("a ttl that exceeds the longest timer is still waited for", async () => {
    const ttlMs = 2 ** 33
    const delays = vi.spyOn(globalThis, "setTimeout")
    const { of } = hold({}, { ttlMs, validity: Validity.ofTtl(now(), ttlMs) })
    await vi.advanceTimersByTimeAsync(ttlMs * 0.99 - 10)
    expect(of("lost")).toEqual([])
    await vi.advanceTimersByTimeAsync(10)
    expect(of("lost")).toHaveLength(1)
    for (const [, ms] of delays.mock.calls) expect(ms).toBeLessThan(2 ** 31)
  })

  test("the longest allowed ttl can be held", () => {
    const ttlMs = Number.MAX_SAFE_INTEGER
    const { lock } = hold({}, { ttlMs, validity: Validity.ofTtl(now(), ttlMs), renew: true })
    expect(lock.remainingMs).toBeGreaterThan(2 ** 52)
    expect(Number.isFinite(lock.expiresAtMs)).toBe(true)
  })
})

describe("extend", () => {
  test("retries after an ambiguous outcome", async () => {
    const { lock, asked } = hold({ extend: [failed(), failed(), renewed()] })
    const extending = lock.extend()
    await vi.advanceTimersByTimeAsync(1_000)
    await extending
    expect(asked()).toEqual(["extend at 0", "extend at 100", "extend at 300"])
  })

  test("gets at most half of the remaining validity as its timeout, so that a retry fits", async () => {
    const { lock, store } = hold({ extend: [renewed()] })
    await vi.advanceTimersByTimeAsync(VALID - 1_000)
    await lock.extend()
    expect(store.asked[0]?.timeoutMs).toBe(500)
  })

  test("sends nothing once a release was sent, not even a retry", async () => {
    const { lock, asked } = hold({ extend: [failed()] })
    const extending = rejection(lock.extend())
    await vi.advanceTimersByTimeAsync(50)
    await lock.release()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await extending).toMatchObject({ name: "LockLostError", reason: "released" })
    expect(asked()).toEqual(["extend at 0", "release at 50"])
  })

  test("whose reply comes after a release neither revives nor loses the hold", async () => {
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

  test("whose reply comes after the end of the hold does not revive it", async () => {
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

  test("that fails leaves the hold unchanged", async () => {
    const { lock } = hold({ extend: [failed({ outcome: "refused", status: 400 })] })
    expect(await rejection(lock.extend())).toMatchObject({ phase: "extend", status: 400 })
    expect(lock.remainingMs).toBe(VALID)
    expect(await lock.release()).toBe("released")
  })

  test("that fails at the end of the hold reports that it is lost", async () => {
    const { lock } = hold({ extend: [failed()] })
    await vi.advanceTimersByTimeAsync(VALID - 150)
    const extending = rejection(lock.extend())
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await extending).toBeInstanceOf(LockLostError)
  })
})

describe("deadlines", () => {
  test("an extension takes no longer in total than one request may", async () => {
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

  test("a release keeps its timeout when the wall clock jumps two hours", async () => {
    const { lock, store } = hold({ release: [failed(), answered("released")] })
    const releasing = lock.release()
    vi.setSystemTime(Date.now() + 7_200_000)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await releasing).toBe("released")
    expect(store.asked.map(({ timeoutMs }) => timeoutMs)).toEqual([5_000, 4_900])
  })

  test("a release takes no longer in total than one request may", async () => {
    const { lock, store, asked } = hold({ release: [failed()] }, { timeoutMs: 250 })
    const releasing = rejection(lock.release())
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await releasing).toMatchObject({ name: "LockBackendError", phase: "release" })
    expect(asked()).toEqual(["release at 0", "release at 100"])
    expect(store.asked.map(({ timeoutMs }) => timeoutMs)).toEqual([250, 250])
  })

  test("each release of a scope gets the timeout of one request", async () => {
    const { lock, store } = hold({ release: [failed(), answered("released")] })
    await lock[Symbol.asyncDispose]()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(store.asked.map(({ timeoutMs }) => timeoutMs)).toEqual([5_000, 5_000])
  })

  test("an extension that is in flight when the hold expires is not waited for any longer", async () => {
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

describe("the end of a hold", () => {
  test("a hold that is gone before its ttl was deleted, a hold that another caller has was taken", async () => {
    for (const [answer, reason] of [
      ["gone", "deleted"],
      ["taken", "taken"],
      ["stolen", "stolen"],
    ] as const) {
      const { lock } = hold({ extend: [answered(answer)] })
      expect(await rejection(lock.extend())).toMatchObject({ reason })
    }
  })

  test("a hold whose ttl was over when the database said that it is gone has expired", async () => {
    const slow = async () => {
      await new Promise((resolve) => setTimeout(resolve, VALID))
      return "gone" as const
    }
    const { lock } = hold({ extend: [slow] }, { timeoutMs: 2 * TTL })
    const extending = rejection(lock.extend())
    await vi.advanceTimersByTimeAsync(VALID)
    expect(await extending).toMatchObject({ reason: "expired" })
  })

  test("a lost hold stays lost with its reason, also after a release", async () => {
    const { lock } = hold({ release: [answered("gone")] })
    await vi.advanceTimersByTimeAsync(VALID)
    await lock.release()
    expect(await rejection(lock.extend())).toBe(lock.signal.reason)
    expect(lock.signal.reason).toMatchObject({ reason: "expired" })
  })

  test("a released hold has no validity left, and is not lost when its ttl is over", async () => {
    const { lock, of } = hold()
    await lock.release()
    expect(lock.remainingMs).toBe(0)
    await vi.advanceTimersByTimeAsync(TTL)
    expect(lock.signal.aborted).toBe(false)
    expect(of("lost")).toEqual([])
  })

  test("a transferred hold is not released by its first holder, neither by hand nor by its scope", async () => {
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

  test("a transfer contains no fields without a value", () => {
    const { lock } = hold()
    expect(Object.keys(lock.transfer())).toEqual(["name", "token", "ttlMs"])
  })

  test("a kept hold outlives its scope, and is released by hand", async () => {
    const { lock, store } = hold({ extend: [renewed(3_600_000)] }, { renew: true })
    await lock.keep("1h")
    await lock[Symbol.asyncDispose]()
    expect(store.count("release")).toBe(0)
    expect(await lock.release()).toBe("released")
  })

  test("a kept hold is not reported lost at its end, although a renewal was in flight", async () => {
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

  test("a hold whose renewal was stopped is not renewed; a hold without renewal ignores the stop", async () => {
    const { lock, store } = hold({ extend: [renewed()] }, { renew: true })
    lock.stopRenewing()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(store.count("extend")).toBe(0)
    hold().lock.stopRenewing()
  })

  test("the JSON of a lock is its name, its mode, its fencing token and its end", () => {
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

  test("that fails is retried, at intervals of at most a tenth of the ttl, until the hold expires", async () => {
    const { store, of } = hold({ extend: [failed()] }, { renew: true })
    await vi.advanceTimersByTimeAsync(VALID)
    expect(of("lost")).toMatchObject([{ name: "a", reason: "unreachable" }])
    const sent = store.count("extend")
    expect(sent).toBeGreaterThan(8)
    await vi.advanceTimersByTimeAsync(VALID)
    expect(store.count("extend")).toBe(sent)
  })

  test("that was refused is retried, because a refusal may be temporary", async () => {
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
    expect(of("lost")).toMatchObject([{ name: "a", reason: "taken" }])
    expect(store.count("extend")).toBe(1)
    expect(lock.signal.reason).toMatchObject({ reason: "taken" })
  })

  test("of a bounded hold stops with one last extension, for the remaining time", async () => {
    const { lock, asked, of } = hold(
      { extend: [renewed(), renewed(20_604)] },
      { renew: true, maxHoldMs: 40_000 },
    )
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked()).toEqual(["extend at 9698", "extend at 19396"])
    expect(of("lost")).toMatchObject([{ name: "a", reason: "expired" }])
    expect(lock.signal.aborted).toBe(true)
  })
})

describe("release", () => {
  test("that returns taken or gone after an ambiguous outcome counts as released", async () => {
    for (const answer of ["taken", "gone"] as const) {
      const { lock, of } = hold({ release: [failed(), answered(answer)] })
      const releasing = lock.release()
      await vi.advanceTimersByTimeAsync(1_000)
      expect(await releasing).toBe("released")
      expect(of("released")).toMatchObject([{ result: "released" }])
    }
  })

  test("that returns gone after a temporary refusal stays gone: the refused attempt released nothing", async () => {
    const { lock } = hold({ release: [failed(READONLY), answered("gone")] })
    const releasing = lock.release()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await releasing).toBe("gone")
  })

  test("that the database refuses for a while is retried in the background at the end of a scope", async () => {
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

  test("that failed and is called again knows that the first call may have released", async () => {
    const { lock } = hold({ release: [failed(), failed(), failed(), answered("gone")] })
    const releasing = rejection(lock.release())
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await releasing).toBeInstanceOf(LockBackendError)
    expect(await lock.release()).toBe("released")
  })

  test("of a hold that was lost before reports the current state, also after failures", async () => {
    const { lock } = hold({ release: [failed(), answered("taken")] })
    await vi.advanceTimersByTimeAsync(VALID)
    const releasing = lock.release()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await releasing).toBe("taken")
  })

  test("is omitted at the end of a scope if the database said that the hold is over", async () => {
    const { lock, store } = hold({ extend: [answered("taken")] })
    await rejection(lock.extend())
    await lock[Symbol.asyncDispose]()
    expect(store.count("release")).toBe(0)
  })

  test("is sent at the end of a scope if only the clock said that the hold is over", async () => {
    const { lock, store } = hold()
    await vi.advanceTimersByTimeAsync(VALID)
    await lock[Symbol.asyncDispose]()
    expect(store.count("release")).toBe(1)
  })

  test("at the end of a scope is sent once, however often the scope ends", async () => {
    const { lock, store } = hold()
    await Promise.all([lock[Symbol.asyncDispose](), lock[Symbol.asyncDispose]()])
    await lock[Symbol.asyncDispose]()
    expect(store.count("release")).toBe(1)
  })

  test("that fails at the end of a scope is retried until the hold expires, then reported", async () => {
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

describe("the attempts that an acquire call abandoned", () => {
  test("are withdrawn after the release, once, and the withdrawal is passed to waitUntil", async () => {
    const waitUntil = vi.fn()
    const withdrawUnsettled = vi.fn(() => [Promise.resolve()])
    const { lock, store } = hold({}, { noteUnsettled: () => withdrawUnsettled, waitUntil })
    expect(withdrawUnsettled).not.toHaveBeenCalled()
    await lock.release()
    await lock.release()
    expect(store.count("release")).toBe(1)
    expect(withdrawUnsettled).toHaveBeenCalledOnce()
    expect(waitUntil).toHaveBeenCalledExactlyOnceWith(expect.any(Promise))
  })

  test("are those that were unsettled when the release was sent, since they may be executed after it", async () => {
    let unsettled = ["a vote"]
    const withdrawn: string[] = []
    const release = [
      () => {
        unsettled = []
        return Promise.resolve("released" as const)
      },
    ]
    const noteUnsettled = () => {
      const noted = unsettled
      return () => {
        withdrawn.push(...noted)
        return []
      }
    }
    await hold({ release }, { noteUnsettled }).lock.release()
    expect(withdrawn).toEqual(["a vote"])
  })

  test("need no waitUntil if there are none", async () => {
    const waitUntil = vi.fn()
    const { lock } = hold({}, { waitUntil })
    await lock.release()
    expect(waitUntil).not.toHaveBeenCalled()
  })
})

test("a programming error in a release is not a failure of the database, and is thrown unchanged", async () => {
  const mistake = new TypeError("ours")
  const { lock, of } = hold({ release: [() => Promise.reject(mistake)] })
  expect(await rejection(lock.release())).toBe(mistake)
  expect(of("release-failed")).toEqual([])
})

describe("the end of a lock", () => {
  test.for<[string, (lock: Lock) => unknown]>([
    ["a release", (lock) => lock.release()],
    ["a release that failed", (lock) => rejection(lock.release())],
    ["a transfer", (lock) => lock.transfer()],
    ["a kept lock's scope", (lock) => lock.keep("1h").then(() => lock[Symbol.asyncDispose]())],
    ["a loss", (lock) => rejection(lock.extend())],
    ["an expiry", () => vi.advanceTimersByTimeAsync(VALID)],
  ])("leaves no timer running: %s", async ([how, end]) => {
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
