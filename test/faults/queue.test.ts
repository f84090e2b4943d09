// Waiting under each fault, at each step, on a real Redis: enqueue, check, stream, lease, and leave. No waiter shares or jumps
// the queue, and a call that reports a failure keeps neither lock nor place.
import { getEventListeners } from "node:events"
import { describe, expect, test } from "vitest"
import { type Lock, LockBackendError, LockTimeoutError } from "../../src/index.js"
import { always, type Fault, nothing } from "../support/fault-proxy.js"
import { durationOf, until } from "../support/outcomes.js"
import { describeOnRedis } from "../support/variants.js"
import { openFaultLab } from "./lab.js"
import {
  type FaultCase,
  FAULTS,
  someFaults,
  mustOvercome,
  type Pattern,
  PATTERNS,
  planOf,
  SLACK,
  timeoutFor,
} from "./matrix.js"
import { outcomeOf, releaseAtLast, type Trial, withTrial } from "./trial.js"

/** The ttl of a waiter whose late requests may hold the lock for nobody, after a lease that is no longer than that. */
const LATE_TTL = 5_000
/** The ttl of a waiter that may be served after it has gone. */
const SHORT_TTL = 1_000

/** The faults of a request for a stream, and of a stream that is open. */
const STREAM_FAULTS: readonly { readonly what: string; readonly fault: Fault }[] = [
  ...FAULTS.filter(
    ({ fault }) =>
      fault.kind === "request-lost" ||
      fault.kind === "request-delayed" ||
      ("executed" in fault && !fault.executed),
  ),
  ...[0, 80, 120].flatMap((afterMs) =>
    (["end", "reset"] as const).map((by) => ({
      what: `a stream cut after ${String(afterMs)} ms (${by})`,
      fault: { kind: "stream-cut", afterMs, by } as const,
    })),
  ),
  { what: "a silent stream", fault: { kind: "stream-stalled", after: "confirmation" } },
  { what: "a stream never confirmed", fault: { kind: "stream-stalled", after: "headers" } },
  { what: "a garbled stream", fault: { kind: "stream-garbled", text: "data: garbage\n\n" } },
  { what: "a notice cut short", fault: { kind: "stream-garbled", text: "data: message,x,gran" } },
  { what: "a stream in pieces", fault: { kind: "stream-split", bytes: 1 } },
]

describeOnRedis("waiting under faults", () => {
  const lab = openFaultLab()

  /** At the end nothing is left, or only a late request's hold, which expires. */
  async function expectNothingLeft(trial: Trial, { isExecutedLate }: FaultCase): Promise<void> {
    trial.proxy.plan = nothing
    const next = await trial.unharmed.acquire(trial.name, { wait: 2 * LATE_TTL + SLACK })
    await trial.proxy.settled()
    expect(await next.release()).toBe("released")
    if (!isExecutedLate) await trial.expectQuiet()
  }

  /** A wait whose requests for one step suffer, while the lock is released to it. */
  async function waitAndSuffer(
    faultCase: FaultCase,
    step: string,
    pattern: Pattern,
    push: boolean,
  ): Promise<void> {
    const { isExecutedLate } = faultCase
    const ttl = isExecutedLate ? { ttl: LATE_TTL } : {}
    await withTrial(lab(), { timeout: timeoutFor(faultCase), push, ...ttl }, async (trial) => {
      const holder = await trial.unharmed.acquire(trial.name)
      trial.proxy.plan = planOf(pattern, step, faultCase.fault)
      const calling = trial.locks.acquire(trial.name, { wait: "8s" })
      calling.catch(() => undefined)
      // If requests have little time, a busy machine may end the call before.
      await Promise.race([until(() => trial.proxy.seen(step).length > 0), calling.catch(() => 0)])
      await holder.release()
      const outcome = await outcomeOf(calling)
      if (outcome instanceof LockBackendError) {
        expect(mustOvercome(faultCase, pattern)).toBe(false)
        expect(outcome).toMatchObject({ phase: "acquire", lockName: trial.name })
      } else {
        await trial.expectHeld(outcome)
        await trial.proxy.settled()
        await trial.expectHeld(outcome)
        trial.proxy.plan = nothing
        expect(await releaseAtLast(outcome)).toBe("released")
      }
      await expectNothingLeft(trial, faultCase)
    })
  }

  describe.concurrent("a waiter that enqueues, once with a stream and always without one", () => {
    test.for(someFaults(0))("survives $what", async (faultCase) => {
      await Promise.all([
        waitAndSuffer(faultCase, "claim", "once", true),
        waitAndSuffer(faultCase, "claim", "always", false),
      ])
    })
  })

  describe.concurrent("a waiter that checks, with the fault once and always", () => {
    test.for(someFaults(1))("survives $what", async (faultCase) => {
      const runs = PATTERNS.map((pattern) =>
        waitAndSuffer(faultCase, "acquire: check", pattern, false),
      )
      await Promise.all(runs)
    })
  })

  describe.concurrent("a grant that comes while the stream suffers", () => {
    test.for(STREAM_FAULTS)(
      "reaches its waiter, or the next one after a lease: $what",
      async ({ fault }) => {
        await withTrial(lab(), { timeout: 1_200 }, async (trial) => {
          // A silent stream is noticed when the holder's ttl would be over.
          const holder = await trial.unharmed.acquire(trial.name, { ttl: 1_500, renew: true })
          trial.proxy.plan = always("SUBSCRIBE", fault)
          const waiting = trial.locks.acquire(trial.name, { wait: "20s", ttl: "5s", renew: false })
          waiting.catch(() => undefined)
          await until(() => (trial.proxy.seen("claim")[0]?.answers.length ?? 0) > 0)
          // About when the streams are cut.
          await new Promise((resolve) => setTimeout(resolve, 80))
          const behind = trial.unharmed.acquire(trial.name, { wait: "20s" })
          await holder.release()
          // In the order of arrival, or after the lease of a waiter that has missed it.
          const served: string[] = []
          const visit = async (who: string, lock: Lock) => {
            served.push(who)
            await trial.expectHeld(lock)
            expect(await releaseAtLast(lock)).toBe("released")
          }
          const visits = [
            waiting.then((lock) => visit("the one that suffers", lock)),
            behind.then((lock) => visit("the next", lock)),
          ]
          expect(await durationOf(Promise.all(visits))).toBeLessThan(4_500 + SLACK)
          await Promise.all(visits)
          const isSilent = fault.kind === "stream-stalled" && fault.after === "confirmation"
          if (!isSilent) expect(served).toEqual(["the one that suffers", "the next"])
          await trial.expectQuiet()
        })
      },
    )
  })

  /** How a waiter leaves: by an abort, by the end of its wait, or with a grant that it has not received. */
  type Ending = "abort" | "timeout" | "abort after a grant on its way"

  async function leaveAndSuffer(
    faultCase: FaultCase,
    pattern: Pattern,
    ending: Ending,
  ): Promise<void> {
    const options = { timeout: timeoutFor(faultCase), ttl: SHORT_TTL }
    await withTrial(lab(), options, async (trial) => {
      const holder = await trial.unharmed.acquire(trial.name)
      const controller = new AbortController()
      const { signal } = controller
      const deaf = always("SUBSCRIBE", { kind: "stream-stalled", after: "confirmation" })
      const harm = planOf(pattern, "release: leave", faultCase.fault)
      trial.proxy.plan = (request) => deaf(request) ?? harm(request)
      const wait = ending === "timeout" ? 1_200 : 20_000
      const waiting = trial.locks.acquire(trial.name, { wait, signal })
      const ended = waiting.catch((error: unknown) => error)
      const entered = until(async () => (await trial.waiting()) === 1)
      await Promise.race([entered, ended])
      // On a busy machine the call may have ended before it entered the queue.
      if (trial.proxy.seen("claim").length === 0) {
        await holder.release()
        await expectNothingLeft(trial, faultCase)
        return
      }
      const behind = trial.unharmed.acquire(trial.name, { wait: "20s" })
      // The one before it may have left by now.
      await until(async () => (await trial.waiting()) > (ending === "timeout" ? 0 : 1))
      if (ending === "abort after a grant on its way") await holder.release()
      if (ending !== "timeout") controller.abort("enough")
      const outcome = await ended
      if (outcome instanceof LockBackendError) expect(mustOvercome(faultCase, "once")).toBe(false)
      else if (ending === "timeout") expect(outcome).toBeInstanceOf(LockTimeoutError)
      else expect(outcome).toBe("enough")
      expect(getEventListeners(signal, "abort")).toEqual([])
      await until(() => trial.proxy.seen("release: leave").length > 0)
      // It leaves before the lock would be handed to it.
      if (mustOvercome(faultCase, pattern)) await until(async () => (await trial.waiting()) === 1)
      await holder.release()
      // A waiter that could not leave is granted its lease in vain, once.
      expect(await durationOf(behind)).toBeLessThan(SHORT_TTL + 2 * SLACK)
      await trial.proxy.settled()
      await trial.expectHeld(await behind)
      expect(await (await behind).release()).toBe("released")
      await trial.expectQuiet()
    })
  }

  describe.concurrent(
    "a waiter that leaves after an abort, a timeout, or with a grant on its way",
    () => {
      test.for(someFaults(2))(
        "delays the next one by at most one ttl: $what",
        async (faultCase) => {
          await Promise.all([
            leaveAndSuffer(faultCase, "once", "abort"),
            leaveAndSuffer(faultCase, "always", "timeout"),
            leaveAndSuffer(faultCase, "always", "abort after a grant on its way"),
          ])
        },
      )
    },
  )

  test("a lease whose extension suffers a fault is trusted for no longer than its key lives", async () => {
    await Promise.all(someFaults(2).map((faultCase) => extendLeaseAndSuffer(faultCase)))
  })

  async function extendLeaseAndSuffer(faultCase: FaultCase): Promise<void> {
    await withTrial(lab(), {}, async (trial) => {
      const holder = await trial.unharmed.acquire(trial.name)
      trial.proxy.plan = always("extend", faultCase.fault)
      const waiting = trial.locks.acquire(trial.name, { wait: "20s" })
      await until(() => (trial.proxy.seen("claim")[0]?.answers.length ?? 0) > 0)
      await holder.release()
      const lock = await waiting
      expect(lock.remainingMs).toBeLessThan(3_000)
      const contending = trial.unharmed.acquire(trial.name, { wait: 3_500 }).then(
        (next) => ({ next, trust: lock.remainingMs }),
        (error: unknown) => error,
      )
      const outcome = await contending
      const { what } = faultCase
      if (outcome instanceof LockTimeoutError) {
        trial.proxy.plan = nothing
        // No reply, so it is not trusted, although its key may have been extended.
        if (!lock.signal.aborted) await trial.expectHeld(lock)
        expect(await releaseAtLast(lock), what).toBe("released")
      } else {
        expect(outcome, what).toMatchObject({ trust: 0 })
        expect(lock.signal.reason, what).toMatchObject({ reason: "unreachable" })
        await (outcome as { next: Lock }).next.release()
      }
    })
  }
})
