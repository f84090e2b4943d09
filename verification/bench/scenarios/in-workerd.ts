// The uncontended scenario in workerd, the runtime of Workers: the processor time of the lock beyond the bare requests.
import { Isolate } from "../../../test/workerd/isolate.js"
import { isPushed } from "../contenders/fetchlock.js"
import { NOTHING, type Result } from "../result.js"
import { cpuMsOfWorkerd } from "../testbed/cpu.js"
import type { Testbed } from "../testbed/testbed.js"
import { timed } from "../testbed/timed.js"
import type { Ready, Scenario } from "./scenario.js"

const WORKER = new URL("workerd-cycles.ts", import.meta.url)
/** The cycles of each of ten lanes in one turn. */
const CYCLES = 10

/** @param turns the number of turns of the lock and of the bare requests */
export function inWorkerd(turns: number): Scenario {
  return {
    title: "uncontended, in workerd",
    takes: isPushed,
    limitSeconds: (rttMs) => (turns * CYCLES * 2 * rttMs) / 1_000,
    run: async (testbed, contenders) => {
      const results: Record<string, Result> = {}
      for (const ready of contenders) results[ready.name] = await measure(testbed, ready, turns)
      return results
    },
  }
}

async function measure(testbed: Testbed, ready: Ready, turns: number): Promise<Result> {
  const isolate = await Isolate.start({
    worker: WORKER,
    env: {
      REDIS_URL: testbed.url,
      REDIS_TOKEN: testbed.token,
      OPTIONS: JSON.stringify(ready.managerOptions?.(ready.place) ?? {}),
    },
  })
  try {
    let cycles = 0
    const run = async (kind: "own" | "bare") => {
      const response = await isolate.fetch(`/${kind}?cycles=${CYCLES}`)
      if (!response.ok) throw new Error(`the Worker answered ${response.status}`)
      cycles = ((await response.json()) as { cycles: number }).cycles
    }
    const spent = { own: { cpu: 0, ms: 0 }, bare: { cpu: 0, ms: 0 } }
    // Warms up: code that is compiled at first use would count against both.
    for (let i = -5; i < turns; i++) {
      for (const kind of ["own", "bare"] as const) {
        let ms = 0
        const cpu = await cpuMsOfWorkerd(async () => (ms = await timed(() => run(kind))))
        if (i < 0) continue
        spent[kind].cpu += cpu
        spent[kind].ms += ms
      }
    }
    const perCycle = (cpu: number) => (Number.isNaN(cpu) ? null : cpu / (turns * cycles))
    return {
      ...NOTHING,
      ratio_to_limit: spent.own.ms / spent.bare.ms,
      cpu_ms_per_cs: perCycle(spent.own.cpu),
      cpu_ms_above_limit: perCycle(spent.own.cpu - spent.bare.cpu),
    }
  } finally {
    await isolate.stop()
  }
}
