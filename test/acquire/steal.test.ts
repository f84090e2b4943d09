// A steal, step by step: the holders that it finds, the value that it replaces, and when it gives up.
import { type AcquisitionRequest, Attempts } from "../../src/acquire/attempts.js"
import { steal } from "../../src/acquire/steal.js"
import { LockTimeoutError } from "../../src/index.js"
import type { Grant, Held, SingleDatabase } from "../../src/redis/store.js"
import { rejection } from "../support/outcomes.js"
import { REQUEST } from "../support/request.js"
import { grant } from "../support/scripted-store.js"
import { useVirtualTime } from "../support/virtual-time.js"
import { expect, test, vi } from "vitest"

useVirtualTime()

/** A steal that finds these holders one after the other, one for each request, the last one forever; then it is granted. */
function stealing(holders: readonly string[], request: Partial<AcquisitionRequest> = {}) {
  const found: string[] = []
  const store: Pick<SingleDatabase, "steal"> = {
    steal: async (_, known): Promise<Grant | Held> => {
      await new Promise((resolve) => setTimeout(resolve, 100))
      const holder = holders[Math.min(found.length, holders.length - 1)]
      found.push(known)
      return known === holder ? grant(30_000) : { kind: "held", digest: holder ?? "" }
    },
  }
  const all = { ...REQUEST, ...request }
  const running = steal(store as SingleDatabase, all, new Attempts(all, undefined))
  running.catch(() => undefined)
  return { running, found }
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

test("a steal replaces the holder that it found, and nothing else", async () => {
  const { running, found } = stealing(["somebody", "somebody else"])
  await pass(1_000)
  expect(await running).toMatchObject({ kind: "granted" })
  expect(found).toEqual(["", "somebody", "somebody else"])
})

test("a steal that may not wait gets the two requests that it needs", async () => {
  const { running } = stealing(["somebody"], { waitMs: 0 })
  await pass(1_000)
  expect(await running).toMatchObject({ kind: "granted" })
  const hurried = stealing(["somebody", "somebody else"], { waitMs: 0 })
  await pass(1_000)
  expect(await rejection(hurried.running)).toBeInstanceOf(LockTimeoutError)
  expect(hurried.found).toHaveLength(2)
})

test("if the lock changes hands faster than a request travels, a steal continues until its wait is over", async () => {
  const holders = Array.from({ length: 100 }, (_, i) => `holder ${String(i)}`)
  const { running, found } = stealing(holders, { waitMs: 450 })
  await pass(1_000)
  expect(await rejection(running)).toBeInstanceOf(LockTimeoutError)
  expect(found).toHaveLength(5)
})

test("a steal with a budget of one request finds the holder, and ends there", async () => {
  const { running, found } = stealing(["somebody"], { maxRequests: 1 })
  await pass(1_000)
  expect(await rejection(running)).toMatchObject({ name: "LockTimeoutError", requests: 1 })
  expect(found).toEqual([""])
})
