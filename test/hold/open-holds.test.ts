// What a manager has open: it knows each hold and call, keeps none alive, and ends them all.
import { afterEach, expect, test, vi } from "vitest"
import { LockClosedError } from "../../src/index.js"
import { type Open, OpenHolds } from "../../src/hold/hold-monitor.js"

afterEach(() => {
  vi.unstubAllGlobals()
})

/** Notes its name when it is ended. */
function openOf(ended: string[], name: string, end: () => Promise<unknown>): Open {
  return {
    revoke: () => {
      ended.push(name)
      return end()
    },
  }
}

test("the latest are ended first, and only holds are counted", async () => {
  const open = new OpenHolds()
  const ended: string[] = []
  const all = ["hold", "call", "late hold"].map((name) => {
    const one = openOf(ended, name, () => Promise.resolve(name === "call" ? undefined : "released"))
    open.add(one, name, name !== "call")
    return one
  })
  const failing = openOf(ended, "failing", () => Promise.reject(new Error("no reply")))
  open.add(failing, "failing", true)
  expect(await open.close(1_000)).toEqual({ released: 2, failed: 1 })
  expect(ended).toEqual(["failing", "late hold", "call", "hold"])
  expect(all).toHaveLength(3)
})

test("what takes longer than it may counts as failed", async () => {
  const open = new OpenHolds()
  const slow = openOf([], "slow", () => new Promise(() => undefined))
  open.add(slow, "slow", true)
  expect(await open.close(50)).toEqual({ released: 0, failed: 1 })
})

test("a hold that is added later is ended at once; a call is refused", async () => {
  const open = new OpenHolds()
  await open.close(50)
  const ended: string[] = []
  const end = () => Promise.resolve("released")
  expect(() => open.add(openOf(ended, "hold", end), "hold", true)).toThrow(LockClosedError)
  expect(() => open.add(openOf(ended, "call", end), "call", false)).toThrow(LockClosedError)
  // Not an unhandled rejection.
  const failing = openOf(ended, "failing", () => Promise.reject(new Error("no reply")))
  expect(() => open.add(failing, "failing", true)).toThrow(LockClosedError)
  expect(ended).toEqual(["hold", "failing"])
})

test("it knows the names of its holds, and forgets what was removed", () => {
  const open = new OpenHolds()
  const hold = openOf([], "a", () => Promise.resolve("released"))
  const call = openOf([], "b", () => Promise.resolve())
  const forget = open.add(hold, "a", true)
  open.add(call, "b")
  expect(["a", "b"].map((name) => open.has(name))).toEqual([true, false])
  forget()
  expect(open.has("a")).toBe(false)
})

test("what ended without a trace is forgotten when others are added", () => {
  // As a garbage collector that takes everything at once.
  vi.stubGlobal(
    "WeakRef",
    class {
      deref(): undefined {
        return undefined
      }
    },
  )
  const open = new OpenHolds()
  for (let i = 0; i < 1_000; i++) {
    open.add(
      openOf([], "", () => Promise.resolve()),
      `lock ${String(i)}`,
      true,
    )
  }
  const known = Array.from({ length: 1_000 }, (_, i) => open.has(`lock ${String(i)}`))
  expect(known.filter(Boolean).length).toBeLessThan(4)
})

test("where there is no WeakRef, it ends what is open all the same", async () => {
  vi.stubGlobal("WeakRef", undefined)
  const open = new OpenHolds()
  const ended: string[] = []
  const forget = open.add(
    openOf(ended, "over", () => Promise.resolve("released")),
    "over",
    true,
  )
  forget()
  open.add(
    openOf(ended, "open", () => Promise.resolve("released")),
    "open",
    true,
  )
  expect(await open.close(1_000)).toEqual({ released: 1, failed: 0 })
  expect(ended).toEqual(["open"])
})
