// How soon others learn of something: a holder that its lock was stolen, and a candidate that the leader has resigned.
import { LockManager } from "fetchlock"
import { lead } from "fetchlock/leader"
import { isPushed } from "../contenders/fetchlock.js"
import { NOTHING, type Result } from "../result.js"
import { percentile } from "../testbed/percentile.js"
import type { Testbed } from "../testbed/testbed.js"
import type { Scenario } from "./scenario.js"

/** How the previous holder got its lock. */
type Way = "own stream" | "queue"

/**
 * From a steal, half a round trip before the new holder learns of it, until the signal of the previous holder aborts. The requests
 * and commands are those that `watch` adds to a hold.
 */
export function stolen(rounds: number): Scenario {
  return {
    title: "steal, until the previous holder's signal",
    takes: isPushed,
    limitSeconds: (rttMs) => (rounds * (3 * SETTLING_MS + 12 * rttMs)) / 1_000,
    run: async (testbed) => ({
      "fetchlock, watch, granted by the queue": await measureSteals(testbed, "queue", rounds),
      "fetchlock, watch, own stream": await measureSteals(testbed, "own stream", rounds),
    }),
  }
}

async function measureSteals(testbed: Testbed, way: Way, rounds: number): Promise<Result> {
  const others = new LockManager({ redis: testbed })
  const delays: number[] = []
  // The first round opens connections and compiles.
  for (let round = 0; round <= rounds; round++) {
    const lock = await acquireIn(testbed, way, `stolen-${round}`, true)
    const aborted = new Promise<number>((resolve) => {
      lock.signal.addEventListener("abort", () => {
        resolve(performance.now())
      })
    })
    const stolenAt = await others.request(lock.name, { steal: true }, () => performance.now())
    const delay = (await aborted) - stolenAt + testbed.rttMs / 2
    if (round > 0) delays.push(delay / testbed.rttMs)
    await lock.release()
  }
  const cost = async (watch: boolean) => {
    const { bodies, commands } = await testbed.count(async () => {
      const lock = await acquireIn(testbed, way, `cost-${String(watch)}`, watch)
      await lock.release()
    })
    return { requests: bodies.length, commands }
  }
  const [without, withIt] = [await cost(false), await cost(true)]
  return {
    ...NOTHING,
    requests_per_cs: withIt.requests - without.requests,
    commands_per_cs: withIt.commands - without.commands,
    handoff_p50_rtt: percentile(delays, 0.5),
    handoff_p99_rtt: percentile(delays, 0.99),
  }
}

/** Resolves when a stream of its own must be open, and the check after it answered. */
async function acquireIn(testbed: Testbed, way: Way, name: string, watch: boolean) {
  const own = new LockManager({ redis: testbed, watch })
  const before = way === "queue" ? await new LockManager({ redis: testbed }).acquire(name) : null
  const waiting = own.acquire(name)
  if (before) {
    await new Promise((resolve) => setTimeout(resolve, SETTLING_MS))
    await before.release()
  }
  const lock = await waiting
  await new Promise((resolve) => setTimeout(resolve, SETTLING_MS))
  return lock
}

/** Longer than it takes to open a stream and to send a request. */
const SETTLING_MS = 200

/** From the resignation of a leader, whose work stops at once, to the beginning of the next one's work. */
export function resigned(rounds: number): Scenario {
  return {
    title: "resignation, until the next leader",
    takes: isPushed,
    limitSeconds: (rttMs) => (rounds * (SETTLING_MS + 2 * rttMs)) / 1_000,
    run: async (testbed) => ({ "fetchlock/leader": await measureResignations(testbed, rounds) }),
  }
}

async function measureResignations(testbed: Testbed, rounds: number): Promise<Result> {
  const gaps: number[] = []
  let resignedAt: number | undefined
  /** A candidate that leads until it resigns. */
  const stand = () => {
    const stop = new AbortController()
    let begin!: () => void
    const begun = new Promise<void>((resolve) => (begin = resolve))
    const work = async (_: unknown, signal: AbortSignal) => {
      if (resignedAt !== undefined) gaps.push(performance.now() - resignedAt)
      begin()
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve)
      })
    }
    const locks = new LockManager({ redis: testbed })
    const over = lead(locks, "leader", work, { signal: stop.signal })
    const resign = () => {
      resignedAt = performance.now()
      stop.abort()
      return over
    }
    return { begun, resign }
  }
  let leader = stand()
  await leader.begun
  // The first round opens connections and compiles.
  for (let round = 0; round <= rounds; round++) {
    const next = stand()
    await new Promise((resolve) => setTimeout(resolve, SETTLING_MS))
    const resigning = leader.resign()
    await next.begun
    await resigning
    leader = next
  }
  resignedAt = undefined
  await leader.resign()
  const ratios = gaps.slice(1).map((ms) => ms / testbed.rttMs)
  return {
    ...NOTHING,
    handoff_p50_rtt: percentile(ratios, 0.5),
    handoff_p99_rtt: percentile(ratios, 0.99),
  }
}
