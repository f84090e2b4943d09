// A client of @upstash/redis that the user passes in, under its settings and the faults: the lock is correct under all of them,
// although the client resends, batches, parses, and returns null for a request that it aborted.
import { describe, expect, test } from "vitest"
import { LockBackendError, LockLostError } from "../../src/index.js"
import { always, everything, inOrder, nothing } from "../support/fault-proxy.js"
import { acquireAtLast, durationOf, rejection, until } from "../support/outcomes.js"
import { connect, describeOnRedis, type UpstashSettings } from "../support/variants.js"
import { openFaultLab } from "./lab.js"
import { FAULTS, half, LATE, SLACK, timeoutFor, TTL } from "./matrix.js"
import { outcomeOf, releaseAtLast, Trial, withTrial } from "./trial.js"

const SETTINGS: readonly [what: string, settings: () => UpstashSettings][] = [
  ["default settings", () => ({})],
  ["retry: false", () => ({ retry: false })],
  ["retry: { retries: 0 }", () => ({ retry: { retries: 0 } })],
  ["enableAutoPipelining: false", () => ({ enableAutoPipelining: false })],
  ["automaticDeserialization: false", () => ({ automaticDeserialization: false })],
  ["responseEncoding: false", () => ({ responseEncoding: false })],
  ["readYourWrites: false", () => ({ readYourWrites: false })],
  ["a signal that is never aborted", () => ({ signal: new AbortController().signal })],
  ["a signal for each request", () => ({ signal: () => AbortSignal.timeout(300) })],
  [
    "a signal for each request, without pipelines",
    () => ({ signal: () => AbortSignal.timeout(300), enableAutoPipelining: false }),
  ],
]

const TOLD_FAULTS = FAULTS.filter(({ what }) =>
  [
    "a lost reply",
    "a late request",
    "a late reply",
    "a request executed twice, answered the second time",
    "half a reply",
    "a gateway's HTML, after the execution",
    "a JSON without a result, after the execution",
    "a refusal, without the execution",
    "an answer that stops at nothing, after the execution",
  ].includes(what),
)

describeOnRedis("a client of @upstash/redis", () => {
  const lab = openFaultLab()

  /** Runs a trial whose suffering manager goes through such a client. */
  async function through(
    settings: UpstashSettings,
    run: (trial: Trial) => Promise<void>,
    timeout = 5_000,
  ): Promise<void> {
    await withTrial(lab(), { timeout }, async (trial) => {
      const redis = connect("@upstash/redis", trial.proxy.url, settings)
      await run(trial.with({ redis, timeout, ttl: TTL }))
    })
  }

  describe.concurrent("without faults", () => {
    test.for(SETTINGS)(
      "supports acquire, wait, extend, adopt and release: %s",
      async ([, settings]) => {
        await through(settings(), async (trial) => {
          const { locks, name } = trial
          const lock = await locks.acquire(name, { fencing: true })
          await trial.expectHeld(lock)
          expect(lock.fencingToken).toBeGreaterThan(1e15)
          expect(await locks.tryAcquire(name)).toBeNull()
          await lock.extend("1m")
          expect(lock.remainingMs).toBeGreaterThan(TTL)
          const adopted = await locks.adopt(lock.transfer())
          await trial.expectHeld(adopted)
          const waiting = locks.acquire(name, { wait: "10s", fencing: true })
          expect(await adopted.release()).toBe("released")
          const next = await waiting
          expect(next.fencingToken).toBeGreaterThan(lock.fencingToken)
          expect(await next.release()).toBe("released")
          expect(await next.release()).toBe("released")
          await trial.expectFree()
        })
      },
    )
  })

  for (const [step, [what, settings]] of SETTINGS.entries()) {
    describe.concurrent(what, () => {
      test.for(half(TOLD_FAULTS, step))("an acquire survives $what", async (faultCase) => {
        const timeout = timeoutFor(faultCase)
        const run = async (trial: Trial) => {
          trial.proxy.plan = inOrder("claim", faultCase.fault)
          const calling = trial.locks.tryAcquire(trial.name)
          const [took, outcome] = await Promise.all([durationOf(calling), outcomeOf(calling)])
          expect(took).toBeLessThan(timeout + SLACK)
          expect(outcome).not.toBeNull()
          if (outcome === null) return
          if (outcome instanceof LockBackendError) {
            expect(outcome).toMatchObject({ phase: "acquire", status: undefined })
            if (faultCase.isExecutedLate) await trial.expectFreeWithinTtl()
            else await trial.expectFree()
          } else {
            await trial.expectHeld(outcome)
            await trial.proxy.settled()
            await trial.expectHeld(outcome)
            await releaseAtLast(outcome)
          }
        }
        await through(settings(), run, timeout)
      })

      test.for(half(TOLD_FAULTS, step + 1))(
        "extend and release survive $what",
        async (faultCase) => {
          const timeout = timeoutFor(faultCase)
          const run = async (trial: Trial) => {
            const lock = await acquireAtLast(trial.locks, trial.name)
            trial.proxy.plan = inOrder("extend", faultCase.fault)
            await outcomeOf(lock.extend("1m"))
            await trial.expectHeld(lock)
            trial.proxy.plan = inOrder("release", faultCase.fault)
            const releasing = lock.release()
            expect(await durationOf(releasing)).toBeLessThan(timeout + SLACK)
            const outcome = await outcomeOf(releasing)
            trial.proxy.plan = nothing
            if (outcome instanceof LockBackendError) await releaseAtLast(lock)
            // After the client itself has resent the release, a reply may say "gone".
            else expect(["released", "gone"]).toContain(outcome)
            expect(await trial.holder()).toBeNull()
            const next = await trial.unharmed.acquire(trial.name)
            await trial.proxy.settled()
            expect(await trial.holder()).toBe(next.token)
            await next.release()
          }
          await through(settings(), run, timeout)
        },
      )
    })
  }

  describe.concurrent("with requests that it sends by itself", () => {
    test("recognizes its own lock if it sent a claim twice", async () => {
      await through({ enableAutoPipelining: false }, async (trial) => {
        trial.proxy.plan = inOrder("claim", { kind: "reply-lost" })
        const lock = await trial.locks.tryAcquire(trial.name)
        expect(trial.proxy.seen("claim").map(({ answers }) => answers)).toEqual([
          [expect.stringContaining(btoa("granted"))],
          [expect.stringContaining(btoa("granted"))],
        ])
        expect(lock?.token).toBe(await trial.holder())
        await lock?.release()
      })
    })

    test("leaves nothing behind although it continues to send after the call has failed", async () => {
      const retry = { retries: 4, backoff: () => 200 }
      const run = async (trial: Trial) => {
        trial.proxy.plan = always("claim", { kind: "reply-lost" })
        const error = await rejection(trial.locks.tryAcquire(trial.name))
        expect(error).toBeInstanceOf(LockBackendError)
        await until(() => trial.proxy.seen("claim").length === 5)
        await trial.expectFree()
      }
      await through({ retry }, run, 300)
    })

    test("does not let a late reply to an abandoned attempt release a later grant", async () => {
      const run = async (trial: Trial) => {
        trial.proxy.plan = inOrder("claim", { kind: "reply-delayed", ms: LATE })
        const lock = await trial.locks.acquire(trial.name, { wait: "5s" })
        expect(trial.proxy.seen("claim")).toHaveLength(2)
        await trial.proxy.settled()
        // Time for a release that must not come.
        await new Promise((resolve) => setTimeout(resolve, 200))
        await trial.expectHeld(lock)
        expect(trial.proxy.seen("release")).toEqual([])
        await lock.release()
      }
      await through({}, run, 300)
    })

    test("has the late grant of a failed call released", async () => {
      const run = async (trial: Trial) => {
        trial.proxy.plan = inOrder("claim", { kind: "request-delayed", ms: LATE })
        expect(await rejection(trial.locks.tryAcquire(trial.name))).toBeInstanceOf(LockBackendError)
        expect(await trial.holder()).toBeNull()
        await trial.proxy.settled()
        expect(trial.proxy.seen("claim")[0]?.answers[0]).toContain(btoa("granted"))
        await trial.expectFree()
      }
      await through({ enableAutoPipelining: false }, run, 300)
    })

    test("shares one request for many calls of one tick, and a failure of it fails each call", async () => {
      await through({ retry: { retries: 0 } }, async (trial) => {
        const names = Array.from({ length: 10 }, (_, i) => `${trial.name}-${String(i)}`)
        const tryAll = () => Promise.all(names.map((name) => trial.locks.tryAcquire(name)))
        const granted = await tryAll()
        expect(granted.every((lock) => lock !== null)).toBe(true)
        expect(trial.proxy.log).toHaveLength(1)
        expect(await tryAll()).toEqual(names.map(() => null))
        trial.proxy.plan = everything({ kind: "reply-lost" })
        const outcomes = await Promise.allSettled(
          granted.flatMap((lock) => (lock ? [lock.extend()] : [])),
        )
        for (const outcome of outcomes)
          expect(outcome).toMatchObject({ reason: { code: "backend", phase: "extend" } })
        for (const lock of granted) lock?.transfer()
      })
    })
  })

  describe.concurrent("a signal of the client that aborts", () => {
    const reasons: [string, unknown][] = [
      ["no reason", undefined],
      ["null", null],
      ["a text", "stopped"],
      ["an error", new Error("stopped")],
      ["an object", { result: "OK" }],
    ]
    const pipelining = [true, false]
    const cases = reasons.flatMap(([what, reason]) =>
      pipelining.map((enableAutoPipelining) => ({ what, reason, enableAutoPipelining })),
    )

    test.for(cases)(
      "before the call, with $what (pipelines: $enableAutoPipelining), is a LockBackendError",
      async ({ reason, enableAutoPipelining }) => {
        const controller = new AbortController()
        await through({ signal: controller.signal, enableAutoPipelining }, async (trial) => {
          const { locks, name } = trial
          const lock = await locks.acquire(name)
          controller.abort(reason)
          for (const [phase, call] of [
            ["acquire", () => locks.tryAcquire(`${name}!`)],
            ["acquire", () => locks.tryAcquire(`${name}!`, { fencing: true })],
            ["adopt", () => locks.adopt({ name, token: lock.token, ttlMs: 1_000 })],
            ["extend", () => lock.extend()],
          ] as const) {
            expect(await rejection(call())).toMatchObject({ name: "LockBackendError", phase })
          }
          expect(await rejection(lock.release())).toMatchObject({ phase: "release" })
          // Never read as "gone" or "taken".
          expect(lock.signal.aborted).toBe(false)
          expect(await trial.holder()).toBe(lock.token)
        })
      },
    )

    test.for(cases)(
      "during the call, with $what (pipelines: $enableAutoPipelining), is a LockBackendError",
      async ({ reason, enableAutoPipelining }) => {
        const controller = new AbortController()
        await through({ signal: controller.signal, enableAutoPipelining }, async (trial) => {
          trial.proxy.plan = always("claim", { kind: "reply-delayed", ms: 300 })
          const calling = rejection(trial.locks.tryAcquire(trial.name))
          await until(() => trial.proxy.log[0]?.answers.length === 1)
          controller.abort(reason)
          expect(await calling).toMatchObject({ name: "LockBackendError", phase: "acquire" })
          // Nothing can be sent through it any more, not even a release.
          await trial.expectFreeWithinTtl()
        })
      },
    )

    test("ends a renewed hold before its key expires", async () => {
      const controller = new AbortController()
      await through({ signal: controller.signal }, async (trial) => {
        const lock = await trial.locks.acquire(trial.name, { ttl: 1_500, renew: true })
        controller.abort()
        const next = await trial.unharmed.acquire(trial.name, { wait: "5s", interval: 60 })
        expect(lock.remainingMs).toBe(0)
        expect(lock.signal.reason).toBeInstanceOf(LockLostError)
        expect(lock.signal.reason).toMatchObject({ reason: "unreachable" })
        await next.release()
      })
    })
  })
})
