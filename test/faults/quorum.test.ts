// The rounds of a quorum under each fault: at a minority (one of five databases once, another one always) they change nothing; at
// a majority, a call that was not granted leaves no vote.
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { LockBackendError, LockManager } from "../../src/index.js"
import { quorum } from "../../src/quorum/index.js"
import { always, FaultProxy, inOrder, nothing, type Plan } from "../support/fault-proxy.js"
import { until } from "../support/outcomes.js"
import { connect, type Database, describeOnRedis, openDatabase } from "../support/variants.js"
import { countUnhandled } from "./lab.js"
import { type FaultCase, mustOvercome, SLACK, someFaults, timeoutFor } from "./matrix.js"
import { outcomeOf } from "./trial.js"

const DATABASES = 5
/** Short enough that the test can wait for the end of late requests. */
const TTL = 3_000
/** Shorter than a late request takes, and enough for five databases on a busy machine. */
const DEADLINE_MS = 650
const AMPLE_MS = 5_000

/** The proxies of one case in front of the databases, and its own name. */
class QuorumTrial {
  readonly name = `trial-${Math.random().toString(36).slice(2)}`
  readonly locks: LockManager
  readonly unharmed: LockManager
  readonly #databases: readonly Database[]
  readonly #proxies: readonly FaultProxy[]

  constructor(databases: readonly Database[], proxies: readonly FaultProxy[], timeout: number) {
    this.#databases = databases
    this.#proxies = proxies
    const at = (urls: readonly string[], voteTimeout: number) =>
      quorum(
        urls.map((url) => connect("fetch client", url) as { url: string; token: string }),
        { quarantine: "10m", voteTimeout },
      )
    this.locks = new LockManager({
      redis: at(
        proxies.map(({ url }) => url),
        timeout,
      ),
      ttl: TTL,
    })
    this.unharmed = new LockManager({
      redis: at(
        databases.map(({ url }) => url),
        AMPLE_MS,
      ),
      ttl: TTL,
    })
  }

  /** The plans of the first databases, one for each; the others have no faults. */
  suffer(...plans: readonly Plan[]): void {
    for (const [i, proxy] of this.#proxies.entries()) proxy.plan = plans[i] ?? nothing
  }

  async values(): Promise<unknown[]> {
    return Promise.all(this.#databases.map(({ command }) => command("GET", `lock:${this.name}`)))
  }

  async settled(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.settled()))
  }

  async isFree(): Promise<boolean> {
    return (await this.values()).every((value) => value === null)
  }
}

describeOnRedis("a quorum under faults", () => {
  const unhandled = countUnhandled()
  let databases: readonly Database[] = []
  beforeAll(async () => {
    const opening = Array.from({ length: DATABASES }, () => openDatabase("real Redis"))
    databases = await Promise.all(opening)
    const redis = databases.map(
      ({ url }) => connect("fetch client", url) as { url: string; token: string },
    )
    await quorum(redis).start()
  })
  afterAll(async () => {
    await Promise.all(databases.map((database) => database.close()))
    expect(unhandled()).toBe(0)
  })

  async function withQuorum(faultCase: FaultCase, run: (trial: QuorumTrial) => Promise<void>) {
    const proxies = await Promise.all(databases.map(({ url }) => FaultProxy.open(url)))
    try {
      await run(new QuorumTrial(databases, proxies, Math.max(DEADLINE_MS, timeoutFor(faultCase))))
    } finally {
      await Promise.all(proxies.map((proxy) => proxy.close()))
    }
  }

  /** Calls again if requests have so little time that a busy machine makes other requests fail, too. */
  async function overcome<T>(faultCase: FaultCase, call: () => Promise<T>): Promise<T> {
    const isBrief = timeoutFor(faultCase) < DEADLINE_MS
    for (let n = 1; ; n++) {
      try {
        return await call()
      } catch (error) {
        if (!(error instanceof LockBackendError) || !isBrief || n === 5) throw error
      }
    }
  }

  /** At one database once and at another one always. */
  function minorityOf(operation: string, { fault }: FaultCase): readonly Plan[] {
    return [inOrder(operation, fault), always(operation, fault)]
  }

  /** The next caller gets the lock, at once or when a late request's vote has ended, and no late request ends its hold. */
  async function expectNextUnharmed(trial: QuorumTrial, isExecutedLate = false): Promise<void> {
    const wait = isExecutedLate ? TTL + SLACK : SLACK
    const next = await trial.unharmed.acquire(trial.name, { wait, ttl: "20s", renew: false })
    await trial.settled()
    await next.extend()
    expect(await next.release()).toBe("released")
    if (!isExecutedLate) await until(() => trial.isFree())
  }

  describe.concurrent("a fault at a minority", () => {
    test.for(someFaults(0))("changes neither a vote nor a release: $what", async (faultCase) => {
      await withQuorum(faultCase, async (trial) => {
        trial.suffer(...minorityOf("vote", faultCase))
        const lock = await overcome(faultCase, () =>
          trial.locks.acquire(trial.name, { wait: "4s" }),
        )
        expect(lock.remainingMs).toBeGreaterThan(0)
        expect(await trial.unharmed.tryAcquire(trial.name)).toBeNull()
        trial.suffer(...minorityOf("release", faultCase))
        // The reply to a release's second execution is "gone": that alone is not a majority.
        expect(await overcome(faultCase, () => lock.release())).toBe("released")
        trial.suffer()
        await expectNextUnharmed(trial, faultCase.isExecutedLate)
      })
    })

    test.for(someFaults(1))(
      "changes neither a fencing token nor an extension: $what",
      async (faultCase) => {
        await withQuorum(faultCase, async (trial) => {
          trial.suffer(...minorityOf("fence", faultCase))
          const options = { fencing: true, wait: "4s" } as const
          const first = await overcome(faultCase, () => trial.locks.acquire(trial.name, options))
          trial.suffer(...minorityOf("extend", faultCase))
          await overcome(faultCase, () => first.extend("10s"))
          expect(first.remainingMs).toBeGreaterThan(TTL)
          expect(await trial.unharmed.tryAcquire(trial.name)).toBeNull()
          trial.suffer()
          expect(await first.release()).toBe("released")
          const next = await trial.unharmed.acquire(trial.name, {
            fencing: true,
            wait: TTL + SLACK,
          })
          expect(next.fencingToken).toBeGreaterThan(first.fencingToken)
          await next.release()
          await trial.settled()
          await expectNextUnharmed(trial, faultCase.isExecutedLate)
        })
      },
    )

    test.for(someFaults(2))(
      "does not keep the votes of a failed attempt from being withdrawn: $what",
      async (faultCase) => {
        await withQuorum(faultCase, async (trial) => {
          const { name } = trial
          const strangers = databases.slice(2)
          const take = strangers.map((it) =>
            it.command("SET", `lock:${name}`, "a stranger", "PX", "60000"),
          )
          await Promise.all(take)
          trial.suffer(...minorityOf("release", faultCase))
          // A vote that could not be withdrawn at once is withdrawn at the second try, long before its ttl.
          const isWithdrawn = mustOvercome(faultCase, "once")
          const ttl = isWithdrawn ? 20_000 : TTL
          expect(await trial.locks.tryAcquire(name, { ttl })).toBeNull()
          await trial.settled()
          if (isWithdrawn) await until(async () => (await trial.values())[0] === null)
          await Promise.all(strangers.map((it) => it.command("DEL", `lock:${name}`)))
          trial.suffer()
          // A majority is free. A vote that could not be withdrawn ends with its ttl.
          const next = await trial.unharmed.acquire(name, { wait: SLACK, ttl: "20s", renew: false })
          await trial.settled()
          await next.extend()
          expect(await next.release()).toBe("released")
          if (!isWithdrawn) await until(() => trial.isFree(), { timeout: TTL + SLACK })
        })
      },
    )
  })

  describe.concurrent("a fault at a majority", () => {
    test.for(someFaults(3))("leaves no vote without a grant: $what", async (faultCase) => {
      await withQuorum(faultCase, async (trial) => {
        const { fault, isExecutedLate } = faultCase
        const vote = () => always("vote", fault)
        trial.suffer(vote(), vote(), vote())
        const outcome = await outcomeOf(trial.locks.tryAcquire(trial.name))
        expect(outcome).not.toBeNull()
        trial.suffer()
        if (outcome instanceof LockBackendError) {
          expect(outcome).toMatchObject({ phase: "acquire" })
        } else {
          await trial.settled()
          expect(await trial.unharmed.tryAcquire(trial.name)).toBeNull()
          expect(await outcome?.release()).toBe("released")
        }
        await expectNextUnharmed(trial, isExecutedLate)
      })
    })
  })
})
