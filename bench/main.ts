// `npm run bench`: measures the lock against its peers and against the limit, on one server in one run.
import { writeFile } from "node:fs/promises"
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { type ContendedScenario, runContended } from "./contended.js"
import { CONTENDERS } from "./contenders.js"
import { runQuorum } from "./quorum.js"
import { runGuarded } from "./guarded.js"
import { openTestbed } from "./testbed.js"
import { runUncontended } from "./uncontended.js"

const { values: options } = parseArgs({
  options: { quick: { type: "boolean" }, json: { type: "string" }, only: { type: "string" } },
})

const RTT_MS = 20
const UNCONTENDED_CYCLES = options.quick ? 50 : 200
const scenarios: readonly ContendedScenario[] = options.quick
  ? [{ contenders: 50, holdMs: 50, cycles: 1 }]
  : [
      { contenders: 10, holdMs: 50, cycles: 1 },
      { contenders: 50, holdMs: 50, cycles: 1 },
      { contenders: 200, holdMs: 50, cycles: 1 },
      { contenders: 50, holdMs: 50, cycles: 10 },
      { contenders: 100, holdMs: 50, cycles: 1, permits: 10 },
    ]

type Row = Record<string, number | string>

const rows: Row[] = []
const contenders: Record<string, Record<string, unknown>> = {}
const testbed = await openTestbed(RTT_MS)
try {
  for (const factory of options.only === "quorum" ? [] : Object.values(CONTENDERS)) {
    // What is compiled at first use would count against whoever comes first.
    await runContended(testbed, factory, { contenders: 20, holdMs: 5, cycles: 2 })
  }
  if (options.only === undefined || "fetchlock".startsWith(options.only)) {
    const [title, name] = ["guarded route, uncontended", "fetchlock/hono"]
    console.error(`measuring ${title}: ${name}`)
    const result = await runGuarded(testbed, UNCONTENDED_CYCLES)
    contenders[name] = { [title]: result }
    rows.push({ scenario: title, contender: name, ...rounded(result) })
  }
  for (const scenario of [undefined, ...scenarios]) {
    const title = scenario
      ? `${scenario.contenders} contenders, ${scenario.holdMs} ms, ${scenario.cycles} cycles${scenario.permits ? `, ${scenario.permits} permits` : ""}`
      : "uncontended"
    for (const [name, factory] of Object.entries(CONTENDERS)) {
      if (options.only !== undefined && !name.startsWith(options.only)) continue
      // What polls would take minutes here, and shows nothing that ten cycles less do not.
      if (scenario && scenario.cycles > 1 && name !== "fetchlock") continue
      // Nobody else has semaphores.
      if (scenario?.permits && !name.startsWith("fetchlock")) continue
      console.error(`measuring ${title}: ${name}`)
      const result = scenario
        ? await runContended(testbed, factory, scenario)
        : await runUncontended(testbed, factory, UNCONTENDED_CYCLES)
      ;(contenders[name] ??= {})[title] = result
      rows.push({ scenario: title, contender: name, ...rounded(result) })
    }
  }
} finally {
  await testbed.close()
}
if (options.only === undefined || options.only === "quorum") {
  console.error("measuring a quorum of five, one hanging and one refusing")
  const results = await runQuorum(RTT_MS, UNCONTENDED_CYCLES)
  for (const [title, result] of Object.entries(results)) {
    ;(contenders["fetchlock, quorum"] ??= {})[title] = result
    rows.push({ scenario: title, contender: "fetchlock, quorum", ...rounded(result) })
  }
}
console.log(
  `round trip ${testbed.rttMs.toFixed(1)} ms, ${cpus().length} × ${cpus()[0]?.model ?? "?"}`,
)
console.table(rows)
if (options.json) {
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length }
  const report = { machine, rtt_ms: testbed.rttMs, contenders }
  await writeFile(options.json, JSON.stringify(report, null, 2))
}

function rounded(result: object): Row {
  return Object.fromEntries(
    Object.entries(result).map(([key, value]) => [key, Math.round(Number(value) * 100) / 100]),
  )
}
