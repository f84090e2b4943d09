// Acquiring under each fault, on a real Redis: never two holders, never a false "not acquired", never locked for longer than one
// ttl.
import { describe, expect, test } from "vitest"
import { type Lock, LockBackendError } from "../../src/index.js"
import { nothing } from "../support/fault-proxy.js"
import { durationOf, until } from "../support/outcomes.js"
import { describeOnRedis } from "../support/variants.js"
import { openFaultLab } from "./lab.js"
import {
  type FaultCase,
  FAULTS,
  faultsOf,
  LATE,
  mustOvercome,
  PATTERNS,
  planOf,
  SLACK,
  timeoutFor,
} from "./matrix.js"
import { outcomeOf, releaseAtLast, type Trial, withTrial } from "./trial.js"

/** The ways to acquire a lock, the operation that the fault hits, and how long the call waits. */
const CALLS = [
  {
    what: "tryAcquire",
    operation: "claim",
    wait: 0,
    call: ({ locks, name }: Trial) => locks.tryAcquire(name),
  },
  {
    what: "tryAcquire with a fencing token",
    operation: "acquire",
    wait: 0,
    call: ({ locks, name }: Trial) => locks.tryAcquire(name, { fencing: true }),
  },
  {
    what: "acquire that waits",
    operation: "claim",
    wait: 2_000,
    call: ({ locks, name }: Trial) => locks.acquire(name, { wait: "2s" }),
  },
  {
    what: "acquire that spins",
    operation: "claim",
    wait: 2_000,
    call: ({ locks, name }: Trial) => locks.acquire(name, { wait: "2s", interval: 20 }),
  },
] as const

describeOnRedis("acquiring under faults", () => {
  const lab = openFaultLab()

  /** After a failed call the name is free, at the latest when the ttl is over. */
  async function expectNothingLeft(trial: Trial, { isExecutedLate }: FaultCase): Promise<void> {
    if (isExecutedLate) await trial.expectFreeWithinTtl()
    else await trial.expectFree()
  }

  describe.concurrent.each(CALLS)("$what", ({ what, operation, wait, call }) => {
    const step = CALLS.findIndex((one) => one.what === what)
    for (const pattern of PATTERNS) {
      test.for(faultsOf(pattern, step))(`survives $what (${pattern})`, async (faultCase) => {
        const timeout = timeoutFor(faultCase)
        await withTrial(lab(), { timeout }, async (trial) => {
          trial.proxy.plan = planOf(pattern, operation, faultCase.fault)
          const calling = call(trial)
          const [took, outcome] = await Promise.all([durationOf(calling), outcomeOf(calling)])
          expect(took).toBeLessThan(wait + timeout + SLACK)
          // The name is free, so "not acquired" would be false.
          expect(outcome).not.toBeNull()
          if (outcome === null) return
          if (outcome instanceof LockBackendError) {
            expect(mustOvercome(faultCase, pattern)).toBe(false)
            expect(outcome).toMatchObject({ phase: "acquire", lockName: trial.name })
            expect(outcome.cause).toBeInstanceOf(Error)
            await expectNothingLeft(trial, faultCase)
            return
          }
          await trial.expectHeld(outcome)
          // Late executions and late replies change nothing.
          await trial.proxy.settled()
          await trial.expectHeld(outcome)
          trial.proxy.plan = nothing
          expect(await outcome.release()).toBe("released")
          await trial.expectFree()
        })
      })
    }
  })

  describe.concurrent("a waiter that checks again", () => {
    for (const pattern of PATTERNS) {
      test.for(faultsOf(pattern, 0))(`survives $what (${pattern})`, async (faultCase) => {
        const options = { timeout: timeoutFor(faultCase), push: false }
        await withTrial(lab(), options, async (trial) => {
          const holder = await trial.unharmed.acquire(trial.name)
          trial.proxy.plan = planOf(pattern, "acquire: check", faultCase.fault)
          const calling = trial.locks.acquire(trial.name, { wait: "6s" })
          calling.catch(() => undefined)
          await until(() => trial.proxy.seen("acquire: check").length > 0)
          await holder.release()
          const outcome = await outcomeOf(calling)
          if (outcome instanceof LockBackendError) {
            expect(mustOvercome(faultCase, pattern)).toBe(false)
            await expectNothingLeft(trial, faultCase)
            return
          }
          await trial.expectHeld(outcome)
          await trial.proxy.settled()
          await trial.expectHeld(outcome)
          await releaseAtLast(outcome)
        })
      })
    }
  })

  describe.concurrent("a call that is aborted during a fault", () => {
    test.for(FAULTS)("leaves nothing behind: $what", async (faultCase) => {
      await withTrial(lab(), { timeout: timeoutFor(faultCase) }, async (trial) => {
        const controller = new AbortController()
        trial.proxy.plan = planOf("always", "claim", faultCase.fault)
        const calling = trial.locks.acquire(trial.name, { signal: controller.signal })
        calling.catch(() => undefined)
        await until(() => trial.proxy.log.length > 0)
        controller.abort("enough")
        const outcome = await calling.catch((error: unknown) => error)
        // The grant, or the refusal, may be faster than the abort.
        const isEnded = outcome === "enough" || outcome instanceof LockBackendError
        if (isEnded) await expectNothingLeft(trial, faultCase)
        else {
          expect(await trial.isOurs()).toBe(true)
          trial.proxy.plan = nothing
          await releaseAtLast(outcome as Lock)
        }
      })
    })
  })

  describe.concurrent("another holder's lock", () => {
    test.for(FAULTS)("is neither taken nor harmed: $what", async (faultCase) => {
      await withTrial(lab(), { timeout: timeoutFor(faultCase) }, async (trial) => {
        const holder = await trial.unharmed.acquire(trial.name, { ttl: "10s", renew: false })
        trial.proxy.plan = () => faultCase.fault
        const outcome = await outcomeOf(trial.locks.tryAcquire(trial.name))
        expect(outcome === null || outcome instanceof LockBackendError).toBe(true)
        await trial.proxy.settled()
        expect(await trial.holder()).toBe(holder.token)
        expect(await trial.pttl()).toBeLessThanOrEqual(10_000)
        await holder.release()
      })
    })
  })

  describe.concurrent("a call that was granted the lock at its second attempt", () => {
    const fault = { kind: "request-delayed", ms: LATE } as const

    test("survives the late execution of its first attempt", async () => {
      await withTrial(lab(), { timeout: LATE / 2 }, async (trial) => {
        trial.proxy.plan = planOf("once", "claim", fault)
        const lock = await trial.locks.acquire(trial.name, { wait: "5s" })
        expect(trial.proxy.seen("claim")[0]?.answers).toEqual([])
        await trial.proxy.settled()
        // It recognizes its own lock, and changes nothing.
        expect(trial.proxy.seen("claim")[0]?.answers).toEqual([expect.stringContaining("granted")])
        await trial.expectHeld(lock)
        await lock.release()
      })
    })

    test("and has released, leaves the name locked for at most one ttl after a late first attempt", async () => {
      await withTrial(lab(), { timeout: LATE / 2 }, async (trial) => {
        trial.proxy.plan = planOf("once", "claim", fault)
        const lock = await trial.locks.acquire(trial.name, { wait: "5s", ttl: 1_500, renew: false })
        await lock.release()
        await trial.proxy.settled()
        expect(await trial.pttl()).toBeLessThanOrEqual(1_500)
        const next = await trial.unharmed.acquire(trial.name, { wait: 1_500 + SLACK })
        expect(next.token).not.toBe(lock.token)
        await next.release()
      })
    })
  })
})
