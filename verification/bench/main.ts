// `npm run bench`: measures the lock against its peers and against the limit, on one server in one run.
import { writeFile } from "node:fs/promises"
import { cpus } from "node:os"
import { Command, InvalidArgumentError } from "commander"
import { bundleSizes } from "./bundle-sizes.js"
import { CONTENDERS } from "./contenders/contenders.js"
import { planOf } from "./plan.js"
import type { LeftOut, Report } from "./report/report.js"
import { tableOf } from "./report/table.js"
import { contended } from "./scenarios/contended.js"
import type { Ready, Scenario } from "./scenarios/scenario.js"
import { openTestbed, type Testbed } from "./testbed/testbed.js"
import { versions } from "./versions.js"

interface Options {
  readonly quick?: true
  readonly full?: true
  readonly json?: string
  readonly rtt: readonly number[]
  readonly only?: string
  readonly scenario?: string
  readonly patience: number
}

const RTTS: readonly number[] = [20]

const program = new Command("bench")
  .description("Measures fetchlock against its peers and against the limit, in one run.")
  .option("--quick", "what can be told in three minutes")
  .option("--full", "each number of contenders with each hold: hours")
  .option("--json <file>", "write the results there")
  .option("--rtt <ms...>", "what the wire adds to a round trip", readMs, RTTS)
  .option("--only <contender>", "those whose name begins so")
  .option("--scenario <title>", "those whose title contains it")
  .option("--patience <seconds>", "leave out what would take one contender longer", readNumber, 60)
  .parse()
const options = program.opts<Options>()

// One for each program beside it, which are a dozen for a quorum.
process.setMaxListeners(50)

/** Those who ask at intervals take up to so many times the limit, those who are told hardly more than it. */
const SLOWER = { isTold: 1.5, asks: 4 }

/** What has been measured so far. */
interface Findings {
  readonly contenders: Record<string, Record<string, object>>
  readonly leftOut: LeftOut[]
}

const wanted = planOf(options.quick ? "quick" : options.full ? "full" : "usual").filter(
  ({ title }) => title.includes(options.scenario ?? ""),
)
if (wanted.length === 0)
  program.error(`error: --scenario: no title has "${options.scenario}" in it`)
const compared = CONTENDERS.filter(({ name }) => name.startsWith(options.only ?? ""))
if (compared.length === 0) program.error(`error: --only: nobody's name begins "${options.only}"`)

const findings: Findings = { contenders: {}, leftOut: [] }
const rtts: Record<string, number> = {}
for (const addedMs of options.rtt) {
  const testbed = await openTestbed(addedMs)
  rtts[`with ${addedMs} ms added by the wire`] = testbed.rttMs
  try {
    await runAll(testbed, findings)
  } finally {
    await testbed.close()
  }
}
const report: Report = {
  machine: `${cpus().length} × ${cpus()[0]?.model ?? "?"}`,
  versions: await versions(),
  rtt_ms: rtts,
  contenders: findings.contenders,
  left_out: findings.leftOut,
  bundle_bytes: await bundleSizes(),
}
console.log(tableOf(report))
if (options.json !== undefined) await writeFile(options.json, JSON.stringify(report, null, 2))

async function runAll(testbed: Testbed, findings: Findings): Promise<void> {
  const closes: (() => Promise<void>)[] = []
  try {
    const all: Ready[] = []
    for (const contender of compared) {
      const prepared = await contender.prepare?.(testbed)
      if (prepared) closes.push(prepared.close)
      all.push({ ...contender, place: prepared?.place ?? testbed })
    }
    // What is compiled at first use would count against whoever comes first.
    await contended({ contenders: 10, holdMs: 5, cycles: 2 }).run(testbed, all)
    for (const scenario of wanted) await measure(testbed, scenario, all, findings)
  } finally {
    await Promise.all(closes.map((close) => close()))
  }
}

async function measure(
  testbed: Testbed,
  scenario: Scenario,
  all: readonly Ready[],
  { contenders, leftOut }: Findings,
): Promise<void> {
  const title = `${scenario.title}${testbed.addedMs === 20 ? "" : `, ${testbed.addedMs} ms RTT`}`
  const taking = all.filter((contender) => scenario.takes(contender))
  const patient = taking.filter(({ name, isTold }) => {
    const seconds = scenario.limitSeconds(testbed.rttMs) * (isTold ? SLOWER.isTold : SLOWER.asks)
    if (seconds <= options.patience || scenario.isLong) return true
    leftOut.push({ scenario: title, contender: name, why: `about ${Math.round(seconds)} s` })
    return false
  })
  if (patient.length === 0) return
  const startedAt = performance.now()
  process.stderr.write(`${title} …`)
  try {
    const results = await scenario.run(testbed, patient)
    process.stderr.write(` ${((performance.now() - startedAt) / 1_000).toFixed(0)} s\n`)
    for (const [name, result] of Object.entries(results)) (contenders[name] ??= {})[title] = result
  } catch (error) {
    // The others have been measured, or can be.
    process.stderr.write(` failed: ${String(error)}\n`)
    leftOut.push({ scenario: title, why: "failed" })
    process.exitCode = 1
  }
}

function readNumber(text: string): number {
  const number = Number(text)
  if (text.trim() === "" || !(number >= 0))
    throw new InvalidArgumentError("must be a number from 0 on.")
  return number
}

function readMs(text: string, before: readonly number[]): readonly number[] {
  // The first one given takes the default's place.
  return [...(before === RTTS ? [] : before), readNumber(text)]
}
