// The contended scenario: many want one lock at once, each holds it for a while, some of them over and over.
import { setTimeout as sleep } from "node:timers/promises"
import type { ContenderFactory } from "./contenders.js"
import { recordFetches } from "./fetch-recorder.js"
import { percentile } from "./percentile.js"
import type { Testbed } from "./testbed.js"

export interface ContendedScenario {
  readonly contenders: number
  readonly holdMs: number
  readonly cycles: number
  /** How many may be inside together. @default 1 */
  readonly permits?: number
}

/**
 * So much later than the one before each contender arrives: far faster than they are served, and slowly enough that
 * hand-offs are measured, not how fast this machine opens hundreds of connections at once.
 */
const ARRIVAL_MS = 10

/** What was measured, in the units of the field. */
export interface ContendedResult {
  /** The whole run as a ratio to what it would take if hand-offs took one round trip. */
  readonly ratio_to_limit: number
  readonly requests_per_cs: number
  readonly commands_per_cs: number
  /** From one release to the next entry, in round trips. */
  readonly handoff_p50_rtt: number
  readonly handoff_p99_rtt: number
  /** Entries while as many were inside as may be. */
  readonly overlaps: number
}

export async function runContended(
  testbed: Testbed,
  factory: ContenderFactory,
  { contenders, holdMs, cycles, permits = 1 }: ContendedScenario,
): Promise<ContendedResult> {
  await testbed.reset()
  const sections: { enteredAt: number; leftAt: number }[] = []
  const start = performance.now()
  const work = async (index: number) => {
    await sleep((index * ARRIVAL_MS) / permits)
    const contender = factory(testbed)
    for (let cycle = 0; cycle < cycles; cycle++) {
      const release = await contender.acquire("bench", permits === 1 ? undefined : permits)
      const enteredAt = performance.now()
      await sleep(holdMs)
      sections.push({ enteredAt, leftAt: performance.now() })
      await release()
    }
  }
  const requests = await recordFetches(async () => {
    await Promise.all(Array.from({ length: contenders }, (_, index) => work(index)))
  })
  const makespan = performance.now() - start
  const total = contenders * cycles
  sections.sort((a, b) => a.enteredAt - b.enteredAt)
  // The n-th permit to be given back goes to whoever enters next after those that were given out at first.
  const left = sections.map(({ leftAt }) => leftAt).sort((a, b) => a - b)
  const handoffs = sections.slice(permits).map(({ enteredAt }, i) => enteredAt - (left[i] ?? NaN))
  return {
    ratio_to_limit: makespan / ((total / permits) * (holdMs + testbed.rttMs)),
    requests_per_cs: requests.length / total,
    commands_per_cs: (await testbed.billedCommands()) / total,
    handoff_p50_rtt: percentile(handoffs, 0.5) / testbed.rttMs,
    handoff_p99_rtt: percentile(handoffs, 0.99) / testbed.rttMs,
    overlaps: handoffs.filter((handoff) => handoff < 0).length,
  }
}
