// Locks that are held together, and a hold that is to last: what is asked of each lock, and what is told of all.
import { describe, expect, test, vi } from "vitest"
import type { Lock } from "../../src/lock.js"
import { LockGroup } from "../../src/lock-group.js"
import { ensureWholeTtl } from "../../src/whole-ttl.js"

function lockOf(expiresAt: number) {
  const controller = new AbortController()
  const extend = vi.fn(() => Promise.resolve())
  const lock = { expiresAt, remaining: expiresAt - 100, signal: controller.signal, extend }
  return { lock: lock as unknown as Lock, extend, controller }
}

describe("a group", () => {
  test("is over when the first of its locks is", () => {
    const group = new LockGroup([lockOf(300).lock, lockOf(200).lock, lockOf(400).lock])
    expect(group.expiresAt).toBe(200)
    expect(group.remaining).toBe(100)
  })

  test("extends each of its locks", async () => {
    const locks = [lockOf(300), lockOf(200)]
    await new LockGroup(locks.map(({ lock }) => lock)).extend("1m")
    for (const { extend } of locks) expect(extend).toHaveBeenCalledExactlyOnceWith("1m")
  })

  test("aborts with the reason of the one that was lost", () => {
    const [kept, lost] = [lockOf(300), lockOf(200)]
    const group = new LockGroup([kept.lock, lost.lock])
    expect(group.signal.aborted).toBe(false)
    const reason = new Error("it is lost")
    lost.controller.abort(reason)
    expect(group.signal.reason).toBe(reason)
  })
})

describe("a hold that is to last for its ttl", () => {
  test.each([
    [899, 1],
    [900, 0],
    [1_000, 0],
  ])("with %i of 1000 ms left is extended %i times", async (remaining, times) => {
    const extend = vi.fn(() => Promise.resolve())
    await ensureWholeTtl({ remaining, extend }, 1_000)
    expect(extend).toHaveBeenCalledTimes(times)
  })
})
