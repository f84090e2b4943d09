// `npm run torture`: the command line of the torture test of one database.
import { writeFile } from "node:fs/promises"
import { Command, InvalidArgumentError, Option } from "commander"
import { hasRedisServer } from "../../test/support/redis-server.js"
import { breakNamed, BREAKS } from "./breaks.js"
import { tortureShown } from "./progress.js"
import { isConclusive, summary, violationsOf } from "./report.js"
import { selfTest } from "./self-test.js"
import { continueSeries, seriesSummary } from "./series.js"
import { type TortureSettings, USUAL } from "./settings.js"

interface Options {
  readonly seconds: number
  readonly seed: number
  readonly processes: number
  readonly workers: number
  readonly visitors: number
  readonly contended: number
  readonly quiet: number
  readonly json?: string
  readonly break?: string
  readonly selfTest?: true
  readonly series?: string
  readonly grants: number
}

const program = new Command("npm run torture --")
  .description(
    `Makes clients in several processes and in workerd contend for a few locks, while requests are lost, delayed, duplicated
and garbled, clients are killed and paused, and Redis is restarted. Judges search for overlapping holds and for nine other
kinds of violations: see docs/torture.md. Exits with 1 if there is one.`,
  )
  .option("--seconds <n>", "duration of the run", positive, 60)
  .option("--seed <n>", "seed of all random decisions (default: random)", seed)
  .option("--processes <n>", "number of clients that are Node processes", whole, USUAL.processes)
  .option("--workers <n>", "number of clients that are workerd instances", whole, USUAL.workers)
  .option("--visitors <n>", "number of concurrent visits of each process", visitors, USUAL.visitors)
  .option("--contended <n>", "number of locks that are contended", contended, USUAL.ledgers)
  .option(
    "--quiet <n>",
    "number of locks at which a visitor is mostly alone",
    quiet,
    USUAL.quietLedgers,
  )
  .option("--json <file>", "also write the result to this file")
  .addOption(
    new Option(
      "--break <rule>",
      "break the lock on purpose, and stop at the first violation",
    ).choices(BREAKS.map(({ name }) => name)),
  )
  .addOption(
    new Option(
      "--self-test",
      "break each rule in turn; fail unless each is found within a minute",
    ).conflicts("break"),
  )
  .addOption(
    new Option(
      "--series <file>",
      "run again and again until --grants are reached; each run is a line of the file, which a later call continues",
    ).conflicts(["break", "selfTest"]),
  )
  .option("--grants <n>", "number of grants of a series", positive, 500_000)
  .action(main)

await program.parseAsync()

async function main(options: Options): Promise<void> {
  if (!hasRedisServer()) program.error("error: there is no redis-server on this machine")
  const { seconds, processes, workers, visitors, contended: ledgers, quiet: quietLedgers } = options
  const seed = (options.seed as number | undefined) ?? Math.floor(Math.random() * 2 ** 32)
  if (processes + workers === 0) program.error("error: --processes and --workers: both are 0")
  const interrupted = new AbortController()
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      interrupted.abort()
    })
  }
  const { signal } = interrupted
  const settings = { ...USUAL, seconds, seed, processes, workers, visitors, ledgers, quietLedgers }
  console.log(`seed ${seed}`)
  const result = options.selfTest
    ? await selfTest(settings, signal)
    : options.series === undefined
      ? await once(settings, options.break, signal)
      : await series(options.series, options.grants, settings, signal)
  if (options.json !== undefined) {
    await writeFile(options.json, `${JSON.stringify(result.data, null, 2)}\n`)
  }
  // Everything is closed by now. If Node ended by itself, it would wait for requests of handles that are closed, such as the last
  // message to a killed child, at times forever and at 100 % of a core: https://github.com/nodejs/node/issues/47748
  process.exit(result.isFine ? 0 : 1)
}

/** One run, with its output. */
async function once(
  usual: TortureSettings,
  broken: string | undefined,
  signal: AbortSignal,
): Promise<{ isFine: boolean; data: unknown }> {
  const rule = broken === undefined ? undefined : breakNamed(broken)
  if (rule) console.log(`broken on purpose: ${rule.what}`)
  const settings = rule ? { ...usual, breakages: rule.breakages, stopAt: rule.judges } : usual
  const data = await tortureShown(settings, signal)
  const text = violationsOf(data)
  if (text) console.log(text)
  console.log(summary(data))
  if (!isConclusive(data)) console.log("The run proves nothing: too few grants, or interrupted.")
  return { isFine: data.violations.length === 0 && isConclusive(data), data }
}

/** Runs of `--seconds` each, until there are enough grants in all. */
async function series(
  file: string,
  grants: number,
  settings: TortureSettings,
  signal: AbortSignal,
): Promise<{ isFine: boolean; data: unknown }> {
  const run = (seed: number) => tortureShown({ ...settings, seed }, signal)
  const { sum, last } = await continueSeries(file, grants, settings.seed, run)
  const text = last && violationsOf(last)
  if (text) console.log(text)
  if (last && last.keysLeft === undefined) {
    console.log("The last run does not count: it was interrupted, or its database was gone.")
  }
  if (sum.grants < grants) console.log("The series is not complete: the same command continues it.")
  console.log(seriesSummary(sum))
  return { isFine: sum.violations === 0 && sum.grants >= grants, data: sum }
}

function positive(text: string): number {
  const number = Number(text)
  if (text.trim() === "" || !(number > 0 && number < Infinity)) {
    throw new InvalidArgumentError("It must be a number greater than 0.")
  }
  return number
}

function whole(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new InvalidArgumentError("It must be an integer from 0 to 99.")
  return Number(text)
}

function visitors(text: string): number {
  const number = whole(text)
  if (number < 4)
    throw new InvalidArgumentError("It must be at least 4: three have tasks of their own.")
  return number
}

function contended(text: string): number {
  const number = quiet(text)
  if (number === 0) throw new InvalidArgumentError("It must be at least 1.")
  return number
}

function quiet(text: string): number {
  if (!/^\d{1,5}$/.test(text))
    throw new InvalidArgumentError("It must be an integer from 0 to 99999.")
  return Number(text)
}

function seed(text: string): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || number >= 2 ** 32) {
    throw new InvalidArgumentError("It must be an integer from 0 to 4294967295.")
  }
  return number
}
