// Steal, shared locks and permits under each fault, on a real Redis: only the previous holder learns of a loss, at most the
// allowed number hold a lock, and no hold stays that no client knows of.
import { describe, expect, test } from "vitest"
import { LockBackendError, type Lock, type LockManager } from "../../src/index.js"
import { nothing } from "../support/fault-proxy.js"
import { rejection } from "../support/outcomes.js"
import { describeOnRedis } from "../support/variants.js"
import { openFaultLab } from "./lab.js"
import {
  type FaultCase,
  someFaults,
  mustOvercome,
  type Pattern,
  planOf,
  SLACK,
  timeoutFor,
} from "./matrix.js"
import { outcomeOf, releaseAtLast, type Trial, withTrial } from "./trial.js"

/** For this time a late request may hold the lock for nobody. */
const LATE_TTL = 5_000

describeOnRedis("modes under faults", () => {
  const lab = openFaultLab()

  function optionsFor(faultCase: FaultCase) {
    const ttl = faultCase.isExecutedLate ? { ttl: LATE_TTL } : {}
    return { timeout: timeoutFor(faultCase), ...ttl }
  }

  /** The next caller gets the lock at once, or when a late request's hold has ended, and no other request harms it. */
  async function expectNextUnharmed(trial: Trial, { isExecutedLate }: FaultCase): Promise<void> {
    trial.proxy.plan = nothing
    const wait = isExecutedLate ? LATE_TTL + SLACK : SLACK
    const next = await trial.unharmed.acquire(trial.name, { wait })
    await trial.proxy.settled()
    await trial.expectHeld(next)
    expect(await next.release()).toBe("released")
    if (!isExecutedLate) await trial.expectQuiet()
  }

  async function stealAndSuffer(faultCase: FaultCase, step: string, pattern: Pattern) {
    await withTrial(lab(), optionsFor(faultCase), async (trial) => {
      const previous = await trial.unharmed.acquire(trial.name)
      trial.proxy.plan = planOf(pattern, step, faultCase.fault)
      const stealing = trial.locks.request(trial.name, { steal: true }, async (lock) => {
        await trial.expectHeld(lock)
        expect(await rejection(previous.extend())).toMatchObject({ reason: "stolen" })
        return "stolen"
      })
      const outcome = await outcomeOf(stealing)
      if (outcome instanceof LockBackendError) {
        expect(mustOvercome(faultCase, pattern)).toBe(false)
        await trial.proxy.settled()
        // Its release tells the truth, lost or not; and a failed steal holds nothing.
        const isLost = (await previous.extend().catch(() => "lost")) === "lost"
        // A steal that came late may have taken the lock for nobody.
        expect(["gone", "taken", "released"].indexOf(await previous.release()) < 2).toBe(isLost)
      }
      await expectNextUnharmed(trial, faultCase)
    })
  }

  describe.concurrent("a steal", () => {
    test.for(someFaults(0))("leaves exactly one holder: $what", async (faultCase) => {
      await Promise.all([
        stealAndSuffer(faultCase, "steal: look", "once"),
        stealAndSuffer(faultCase, "steal: replace", "once"),
        stealAndSuffer(faultCase, "steal: replace", "always"),
      ])
    })
  })

  /** One sharer suffers the fault; another one stays, and an exclusive caller is kept out. */
  async function shareAndSuffer(
    faultCase: FaultCase,
    pattern: Pattern,
    limit: number,
    share: (locks: LockManager, name: string) => Promise<Lock | null>,
  ): Promise<void> {
    await withTrial(lab(), optionsFor(faultCase), async (trial) => {
      const { name } = trial
      const stays = await share(trial.unharmed, name)
      expect(stays).not.toBeNull()
      trial.proxy.plan = planOf(pattern, "acquire: try", faultCase.fault)
      const outcome = await outcomeOf(share(trial.locks, name))
      // There is room, so a refusal would be false.
      expect(outcome).not.toBeNull()
      if (outcome instanceof LockBackendError) {
        expect(mustOvercome(faultCase, pattern)).toBe(false)
        await trial.proxy.settled()
        if (!faultCase.isExecutedLate) await trial.expectSharedBy([stays?.token])
      } else if (outcome) {
        await trial.proxy.settled()
        await trial.expectSharedBy([stays?.token, outcome.token])
        trial.proxy.plan = planOf(pattern, "release", faultCase.fault)
        const releasing = await outcomeOf(outcome.release())
        trial.proxy.plan = nothing
        if (releasing instanceof LockBackendError) {
          expect(mustOvercome(faultCase, pattern)).toBe(false)
          await releaseAtLast(outcome)
        }
        await trial.expectSharedBy([stays?.token])
      }
      expect(await trial.unharmed.tryAcquire(name)).toBeNull()
      await stays?.extend()
      await expectRoomFor(trial, limit, share)
      expect(await stays?.release()).toBe("released")
      await expectNextUnharmed(trial, faultCase)
    })
  }

  /** Beside the one that stays as many may join as before, once a late request's hold has ended. */
  async function expectRoomFor(
    trial: Trial,
    limit: number,
    share: (locks: LockManager, name: string) => Promise<Lock | null>,
  ): Promise<void> {
    if (limit === Infinity) return
    const permit = trial.unharmed.semaphore(trial.name, limit).acquire({ wait: LATE_TTL + SLACK })
    const second = await permit
    expect(await share(trial.unharmed, trial.name)).toBeNull()
    expect(await second.release()).toBe("released")
  }

  describe.concurrent("a lock that several callers share", () => {
    test.for(someFaults(1))("keeps its other sharer and its mode: $what", async (faultCase) => {
      await shareAndSuffer(faultCase, "always", Infinity, (locks, name) =>
        locks.tryAcquire(name, { mode: "shared" }),
      )
    })

    test.for(someFaults(2))("keeps its other permit and its limit: $what", async (faultCase) => {
      await shareAndSuffer(faultCase, "once", 2, (locks, name) =>
        locks.semaphore(name, 2).tryAcquire(),
      )
    })
  })
})
