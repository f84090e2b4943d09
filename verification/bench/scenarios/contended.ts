// The contended scenario: many contenders want one lock at once, and hold it for a while, once or several times.
import { setTimeout as sleep } from "node:timers/promises"
import type { Client } from "../contenders/contender.js"
import { NOTHING, type Result } from "../result.js"
import { cpuMs } from "../testbed/cpu.js"
import { percentile } from "../testbed/percentile.js"
import type { Testbed } from "../testbed/testbed.js"
import { type Ready, type Scenario, withClients } from "./scenario.js"
import { fairnessOf, inversionsOf, type Section } from "./order.js"

export interface ContendedOptions {
  readonly contenders: number
  readonly holdMs: number
  readonly cycles: number
  /** The number of permits. @default 1 */
  readonly permits?: number
}

/**
 * The time between two arrivals: far shorter than the service time, and long enough that hand-offs are measured, not how
 * fast this machine opens hundreds of connections at once.
 */
const ARRIVAL_MS = 10

export function contended(options: ContendedOptions): Scenario {
  const { contenders: count, holdMs, cycles, permits = 1 } = options
  const limitMs = (rttMs: number) => ((count * cycles) / permits) * (holdMs + rttMs)
  return {
    title: titleOf(options),
    takes: ({ hasPermits }) => hasPermits || permits === 1,
    limitSeconds: (rttMs) => limitMs(rttMs) / 1_000,
    run: async (testbed, contenders) => {
      const results: Record<string, Result> = {}
      for (const ready of contenders) {
        results[ready.name] = await withClients(ready, count, (clients) =>
          runOne(testbed, ready, clients, options, limitMs(testbed.rttMs)),
        )
      }
      return results
    },
  }
}

function titleOf({ contenders, holdMs, cycles, permits }: ContendedOptions): string {
  const each = cycles === 1 ? "1 cycle" : `${cycles} cycles`
  return `${contenders} contenders, ${holdMs} ms, ${each}${permits ? `, ${permits} permits` : ""}`
}

async function runOne(
  testbed: Testbed,
  { isRest }: Ready,
  clients: readonly Client[],
  { holdMs, cycles, permits = 1 }: ContendedOptions,
  limitMs: number,
): Promise<Result> {
  await testbed.flush()
  const sections: Section[] = []
  const work = async (client: Client, index: number) => {
    await sleep((index * ARRIVAL_MS) / permits)
    for (let cycle = 0; cycle < cycles; cycle++) {
      const askedAt = performance.now()
      const release = await client.acquire("bench", permits === 1 ? undefined : permits)
      const enteredAt = performance.now()
      await sleep(holdMs)
      sections.push({ who: index, askedAt, enteredAt, leftAt: performance.now() })
      await release()
    }
  }
  let makespan = 0
  let cpu = 0
  const { bodies, commands } = await testbed.count(async () => {
    const start = performance.now()
    cpu = await cpuMs(() => Promise.all(clients.map(work)))
    makespan = performance.now() - start
  })
  const total = clients.length * cycles
  sections.sort((a, b) => a.enteredAt - b.enteredAt)
  // The n-th released permit goes to the n-th contender that enters after the initial ones.
  const left = sections.map(({ leftAt }) => leftAt).sort((a, b) => a - b)
  const handoffs = sections.slice(permits).map(({ enteredAt }, i) => enteredAt - (left[i] ?? NaN))
  return {
    ...NOTHING,
    ratio_to_limit: makespan / limitMs,
    requests_per_cs: isRest ? bodies.length / total : null,
    commands_per_cs: commands > 0 ? commands / total : null,
    handoff_p50_rtt: percentile(handoffs, 0.5) / testbed.rttMs,
    handoff_p99_rtt: percentile(handoffs, 0.99) / testbed.rttMs,
    inversions: inversionsOf(sections, testbed.rttMs),
    fairness: cycles > 1 ? fairnessOf(sections, clients.length) : null,
    cpu_ms_per_cs: cpu / total,
    overlaps: handoffs.filter((handoff) => handoff < 0).length,
  }
}
