// Run once, share the result: alone, remembered, and many callers behind one job.
import { setTimeout as sleep } from "node:timers/promises"
import { LockManager } from "fetchlock"
import { once } from "fetchlock/once"
import { onceByHand } from "../contenders/by-hand.js"
import { isPushed } from "../contenders/fetchlock.js"
import { NOTHING, type Result } from "../result.js"
import { percentile } from "../testbed/percentile.js"
import { publishBare } from "../testbed/publish-bare.js"
import { sendBare } from "../testbed/send-bare.js"
import type { Testbed } from "../testbed/testbed.js"
import { timed } from "../testbed/timed.js"
import type { Scenario } from "./scenario.js"

/** One call after the other, each with a name of its own, against two bare requests. */
export function onceAlone(cycles: number): Scenario {
  return {
    title: "once, alone",
    takes: isPushed,
    limitSeconds: (rttMs) => (cycles * 2 * rttMs) / 1_000,
    run: async (testbed) => ({
      "fetchlock/once": await runOne(testbed, cycles, (i) => `alone-${i}`, {}),
    }),
  }
}

/** A value that is there already, against one bare request. */
export function onceRemembered(cycles: number): Scenario {
  return {
    title: "once, remembered",
    takes: isPushed,
    limitSeconds: (rttMs) => (cycles * rttMs) / 1_000,
    run: async (testbed) => ({
      "fetchlock/once": await runOne(testbed, cycles, () => "remembered", { remember: "1h" }),
    }),
  }
}

/** The median time of a call, as a ratio to bare fetches of the same bodies, taken in turn with it. */
async function runOne(
  testbed: Testbed,
  cycles: number,
  nameOf: (cycle: number) => string,
  options: { remember?: "1h" },
): Promise<Result> {
  const locks = new LockManager({ redis: testbed })
  const call = async (i: number) => {
    await once(locks, nameOf(i), options, () => ({ made: "once" }))
  }
  // A connection, compiled code, and the value that is remembered.
  for (let i = 0; i < 20; i++) await call(i)
  const { bodies, commands } = await testbed.count(() => call(20))
  const own: number[] = []
  const bare: number[] = []
  for (let i = 21; i < cycles + 21; i++) {
    own.push(await timed(() => call(i)))
    // A name that no call has settled, so that the database does the same work.
    const bodiesOfTurn = bodies.map((body) => body.replaceAll(nameOf(20), `bare-${nameOf(i)}`))
    bare.push(await timed(() => sendBare(testbed, bodiesOfTurn)))
  }
  return {
    ...NOTHING,
    ratio_to_limit: percentile(own, 0.5) / percentile(bare, 0.5),
    requests_per_cs: bodies.length,
    commands_per_cs: commands,
  }
}

/** So much later than the one before each caller comes, so that all have joined, and their connections are open, when the job ends. */
const ARRIVAL_MS = 5

interface Crowd {
  readonly callers: number
  /** How long the job takes. */
  readonly jobMs: number
  /** How often all of it is done. */
  readonly rounds: number
}

/** One call: returns the value of the run, by any caller. */
type Caller = (name: string, run: () => Promise<string>) => Promise<string>

export function onceTogether(crowd: Crowd): Scenario {
  const { callers, jobMs, rounds } = crowd
  return {
    title: `once, ${callers} callers, job of ${jobMs} ms`,
    takes: isPushed,
    limitSeconds: (rttMs) => (rounds * (jobMs + 2 * rttMs)) / 1_000,
    run: async (testbed) => {
      const ours =
        (push: boolean): (() => Caller) =>
        () => {
          const locks = new LockManager({ redis: testbed, push, wait: Infinity })
          return (name, run) => once(locks, name, run)
        }
      const contenders: Readonly<Record<string, () => Caller>> = {
        "fetchlock/once": ours(true),
        "fetchlock/once, polling": ours(false),
        "SET NX and polling": () => (name, run) => onceByHand(testbed, name, run),
      }
      const results: Record<string, Result> = {}
      for (const [name, open] of Object.entries(contenders)) {
        results[name] = await runTogether(testbed, crowd, open)
      }
      results["bare streams and one PUBLISH"] = await runBare(testbed, crowd)
      return results
    },
  }
}

/** The medians of all rounds. The hand-off is from the end of the job to a caller's value, and its 99th that of the last caller. */
async function runTogether(
  testbed: Testbed,
  { callers, jobMs, rounds }: Crowd,
  open: () => Caller,
): Promise<Result> {
  const seen: { requests: number; commands: number; half: number; last: number; all: number }[] = []
  for (let round = 0; round <= rounds; round++) {
    await testbed.flush()
    const job = { runs: 0, endedAt: 0 }
    const run = async () => {
      job.runs++
      await sleep(jobMs)
      job.endedAt = performance.now()
      return "value"
    }
    const all = Array.from({ length: callers }, open)
    const toldAt: number[] = []
    const startedAt = performance.now()
    const { bodies, commands } = await testbed.count(() =>
      Promise.all(
        all.map(async (call, i) => {
          await sleep(i * ARRIVAL_MS)
          if ((await call("bench-once", run)) !== "value") throw new Error("another value")
          toldAt.push(performance.now())
        }),
      ),
    )
    const all_ms = performance.now() - startedAt
    if (job.runs !== 1) throw new Error(`ran ${job.runs} times`)
    // The first round opens connections and compiles.
    if (round === 0) continue
    const waits = toldAt.map((at) => (at - job.endedAt) / testbed.rttMs)
    const limitMs = jobMs + 2 * testbed.rttMs
    seen.push({
      requests: bodies.length,
      commands,
      half: percentile(waits, 0.5),
      last: Math.max(...waits),
      all: all_ms / limitMs,
    })
  }
  const median = (field: keyof (typeof seen)[number]) =>
    percentile(
      seen.map((it) => it[field]),
      0.5,
    )
  return {
    ...NOTHING,
    ratio_to_limit: median("all"),
    requests_per_cs: median("requests"),
    commands_per_cs: median("commands"),
    handoff_p50_rtt: median("half"),
    handoff_p99_rtt: median("last"),
  }
}

/** What no message can be faster than. */
async function runBare(testbed: Testbed, { callers, jobMs, rounds }: Crowd): Promise<Result> {
  const seen: (readonly number[])[] = []
  for (let round = 0; round <= rounds; round++) {
    const waits = await publishBare(testbed, callers - 1, () => sleep(jobMs))
    if (round > 0) seen.push(waits.map((ms) => ms / testbed.rttMs))
  }
  const median = (part: number) =>
    percentile(
      seen.map((waits) => percentile(waits, part)),
      0.5,
    )
  return { ...NOTHING, handoff_p50_rtt: median(0.5), handoff_p99_rtt: median(1) }
}
