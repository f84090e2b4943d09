// Thirty contenders whose streams are all cut every 300 ms, while some give up and some die: no overlap, and all others are
// served.
import { describe, expect, test } from "vitest"
import { LockTimeoutError } from "../../src/index.js"
import { LockByHand, waiterByHand } from "../support/waiter-by-hand.js"
import { embedded, onRedis } from "../support/variants.js"

const CONTENDERS = 30
const CUT_EVERY_MS = 300
const HOLD_MS = 20
const KILLED_LEASE_MS = 600

interface Visit {
  readonly enteredAtMs: number
  readonly leftAtMs: number
  readonly fencingToken: number
}

describe.concurrent.each([embedded, onRedis])("$name", (variant) => {
  test.runIf(variant.isAvailable)(
    "no contender overlaps another, and all that do not give up are served",
    { timeout: 40_000 },
    async () => {
      const { proxied, command, close } = await variant.open()
      const { proxy, locks } = await proxied()
      proxy.plan = ({ operations, atMs }) =>
        operations.includes("SUBSCRIBE")
          ? { kind: "stream-cut", afterMs: CUT_EVERY_MS - (atMs % CUT_EVERY_MS), by: "reset" }
          : undefined
      const hand = new LockByHand(command, "name")
      const visits: Visit[] = []
      const ends: Record<"served" | "aborted" | "timed out", number> = {
        served: 0,
        aborted: 0,
        "timed out": 0,
      }
      const contend = async (i: number) => {
        const controller = new AbortController()
        // Every fifth gives up on a signal, and every fifth after a short wait.
        if (i % 5 === 1)
          setTimeout(
            () => {
              controller.abort("enough")
            },
            200 + i * 40,
          )
        const wait = i % 5 === 2 ? 300 + i * 40 : 60_000
        const options = { wait, signal: controller.signal, fencing: true as const }
        try {
          const lock = await locks().acquire("name", options)
          const enteredAtMs = performance.now()
          expect(lock.signal.aborted).toBe(false)
          await new Promise((resolve) => setTimeout(resolve, HOLD_MS))
          expect(lock.signal.aborted).toBe(false)
          visits.push({ enteredAtMs, leftAtMs: performance.now(), fencingToken: lock.fencingToken })
          await lock.release()
          ends.served++
        } catch (error) {
          if (error === "enough") ends.aborted++
          else if (error instanceof LockTimeoutError) ends["timed out"]++
          else throw error
        }
      }
      const running: Promise<void>[] = []
      for (let i = 0; i < CONTENDERS; i++) {
        running.push(contend(i))
        // A waiter that was killed: it stands in the queue and never responds.
        if (i % 10 === 5)
          await hand.enqueue(waiterByHand({ leaseMs: KILLED_LEASE_MS, fencing: true }))
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      await Promise.all(running)
      await proxy.settled()

      // All contenders that did not give up were served.
      const mayGiveUp = (CONTENDERS / 5) * 2
      expect(ends.served + ends.aborted + ends["timed out"]).toBe(CONTENDERS)
      expect(ends.served).toBeGreaterThanOrEqual(CONTENDERS - mayGiveUp)
      for (const [i, { leftAtMs, fencingToken }] of visits.entries()) {
        const next = visits[i + 1]
        if (!next) break
        expect(next.enteredAtMs).toBeGreaterThanOrEqual(leftAtMs)
        expect(next.fencingToken).toBeGreaterThan(fencingToken)
      }
      expect(proxy.seen("SUBSCRIBE").length).toBeGreaterThan(CONTENDERS / 2)
      for (const [key, life] of Object.entries(await hand.remains())) {
        expect(life, key).toBeGreaterThanOrEqual(0)
        if (key !== hand.key("fence")) expect(life, key).toBeLessThanOrEqual(30_000)
      }
      await close()
    },
  )
})
