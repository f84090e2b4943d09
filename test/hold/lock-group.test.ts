// Locks that are held together: the calls to each lock, and the state of the group.
import { describe, expect, test, vi } from "vitest"
import type { Lock } from "../../src/hold/lock.js"
import { ensureWholeTtl, LockGroup } from "../../src/hold/lock-group.js"
import { rejection } from "../support/outcomes.js"

function lockOf(expiresAtMs: number) {
  const controller = new AbortController()
  const extend = vi.fn(() => Promise.resolve())
  const lock = { expiresAtMs, remainingMs: expiresAtMs - 100, signal: controller.signal, extend }
  return { lock: lock as unknown as Lock, extend, controller }
}

describe("a group", () => {
  test("expires when the first of its locks does", () => {
    const group = new LockGroup([lockOf(300).lock, lockOf(200).lock, lockOf(400).lock])
    expect(group.expiresAtMs).toBe(200)
    expect(group.remainingMs).toBe(100)
  })

  test("extends each of its locks", async () => {
    const locks = [lockOf(300), lockOf(200)]
    await new LockGroup(locks.map(({ lock }) => lock)).extend("1m")
    for (const { extend } of locks) expect(extend).toHaveBeenCalledExactlyOnceWith("1m")
  })

  test("aborts with the reason of the lock that was lost", () => {
    const [kept, lost] = [lockOf(300), lockOf(200)]
    const group = new LockGroup([kept.lock, lost.lock])
    expect(group.signal.aborted).toBe(false)
    const reason = new Error("it is lost")
    lost.controller.abort(reason)
    expect(group.signal.reason).toBe(reason)
  })

  test("with a lock that has expired unnoticed is aborted as soon as its signal is read", () => {
    const { lock, controller } = lockOf(300)
    let isOver = false
    const asleep = Object.defineProperty(lock, "signal", {
      get: () => {
        if (isOver) controller.abort("it ran out")
        return controller.signal
      },
    })
    const group = new LockGroup([asleep, lockOf(400).lock])
    const listening = group.signal
    isOver = true
    expect(listening.aborted).toBe(false)
    expect(group.signal.reason).toBe("it ran out")
    expect(listening.aborted).toBe(true)
  })
})

describe("the end of a group", () => {
  /** Locks with these results of their releases, the last one first; `ended` is in order of time. */
  function releasing(results: readonly unknown[]) {
    const ended: unknown[] = []
    const end = async (result: unknown, after: number) => {
      for (let i = 0; i < after; i++) await Promise.resolve()
      ended.push(result)
      if (result instanceof Error) throw result
      return result
    }
    const locks = results.map((result, i) => {
      const ending = () => end(result, results.length - i)
      const { lock } = lockOf(300)
      return Object.assign(lock, { release: ending, [Symbol.asyncDispose]: ending })
    })
    return { group: new LockGroup(locks), ended }
  }

  test("releases all locks at once; the results are in the order of the names", async () => {
    const { group, ended } = releasing(["released", "taken", "gone"])
    expect(await group.release()).toEqual(["released", "taken", "gone"])
    expect(ended).toEqual(["gone", "taken", "released"])
  })

  test("rejects if one release fails, after the other locks are released", async () => {
    const failure = new Error("who knows")
    const { group, ended } = releasing(["released", "gone", failure])
    expect(await rejection(group.release())).toBe(failure)
    expect(ended).toEqual([failure, "gone", "released"])
  })

  test("by its scope waits for the release of each lock", async () => {
    const { group, ended } = releasing(["released", "gone"])
    await group[Symbol.asyncDispose]()
    expect(ended).toEqual(["gone", "released"])
  })
})

describe("a hold that is to last for its ttl", () => {
  test.each([
    [899, 1],
    [900, 0],
    [1_000, 0],
  ])("with %i of 1000 ms left is extended %i times", async (remainingMs, times) => {
    const extend = vi.fn(() => Promise.resolve())
    await ensureWholeTtl({ remainingMs, extend }, 1_000)
    expect(extend).toHaveBeenCalledTimes(times)
  })
})
