// `npm run bench`: compares the lock with its peers and with the limit, on one server in one run.
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
  .description("Compares fetchlock with its peers and with the limit, in one run.")
  .option("--quick", "a subset that takes three minutes")
  .option("--full", "every number of contenders with every hold: takes hours")
  .option("--json <file>", "write the results there")
  .option("--rtt <ms...>", "what the wire adds to a round trip, in ms", readMs, RTTS)
  .option("--only <contender>", "only contenders whose name begins with this")
  .option("--scenario <title>", "only scenarios whose title contains this")
  .option("--patience <seconds>", "leave out measurements that would take longer", readNumber, 60)
  .parse()
const options = program.opts<Options>()

// One listener for each started program: a dozen for a quorum.
process.setMaxListeners(50)

/** The longest time as a multiple of the limit: notified contenders take little more than it, polling ones far more. */
const SLOWER = { isNotified: 1.5, polls: 4 }

/** The results so far. */
interface Findings {
  readonly contenders: Record<string, Record<string, object>>
  readonly leftOut: LeftOut[]
}

const wanted = planOf(options.quick ? "quick" : options.full ? "full" : "usual").filter(
  ({ title }) => title.includes(options.scenario ?? ""),
)
if (wanted.length === 0) program.error(`error: --scenario: no title contains "${options.scenario}"`)
const compared = CONTENDERS.filter(({ name }) => name.startsWith(options.only ?? ""))
if (compared.length === 0)
  program.error(`error: --only: no contender's name begins with "${options.only}"`)

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
    // Warms up: code that is compiled at first use would count against the first contender.
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
  const patient = taking.filter(({ name, isNotified }) => {
    const seconds =
      scenario.limitSeconds(testbed.rttMs) * (isNotified ? SLOWER.isNotified : SLOWER.polls)
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
    // The other scenarios are still measured.
    process.stderr.write(` failed: ${String(error)}\n`)
    leftOut.push({ scenario: title, why: "failed" })
    process.exitCode = 1
  }
}

function readNumber(text: string): number {
  const number = Number(text)
  if (text.trim() === "" || !(number >= 0)) throw new InvalidArgumentError("must be a number ≥ 0.")
  return number
}

function readMs(text: string, before: readonly number[]): readonly number[] {
  // The first given value replaces the default.
  return [...(before === RTTS ? [] : before), readNumber(text)]
}
