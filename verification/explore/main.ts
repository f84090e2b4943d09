// `npm run explore`: the command line of the exploration.
import { writeFile } from "node:fs/promises"
import { Command, InvalidArgumentError, Option } from "commander"
import { INTACT, type Rule, rulesWith } from "./broken-rules.js"
import type { Exploration } from "./explore.js"
import { whyInexpressible } from "./inexpressible.js"
import { tableOf } from "./schedule-table.js"
import type { Bounds, Happening } from "./world.js"
import { type NamedWorld, type Shown, WORLDS } from "./worlds.js"

interface Options {
  readonly world?: string
  readonly depth?: number
  readonly faults?: number
  readonly states?: number
  readonly break?: string
  readonly breakAll?: true
  readonly json?: string
  readonly quiet?: true
}

const program = new Command("npm run explore --")
  .description(
    `Tries every schedule of a small world: requests that are lost, late or executed twice, replies and messages that are lost,
callers that die or abort. Checks the invariants in every state, and that everything ends from every state. Prints a
shortest schedule that violates one, and then exits with 1. See docs/exploration.md.`,
  )
  .addOption(
    new Option("--world <name>", "what to explore").choices(WORLDS.map(({ name }) => name)),
  )
  .option("--depth <n>", "the most happenings in a schedule (default: no limit)", count)
  .option("--faults <n>", "the most faults in a schedule (default: the world's own)", count)
  .option("--states <n>", "the most states (default: no limit)", count)
  .option(
    "--break <rule>",
    "switch a rule of the scripts off: a part of its description in the lists of Lua mutants",
  )
  .option(
    "--break-all",
    "switch off each rule in turn, in this world or in all that have its script, and print which are found",
  )
  .option("--json <file>", "also write the result to this file")
  .option("--quiet", "print no progress")
  .action(main)

await program.parseAsync()

async function main(options: Options): Promise<void> {
  const world = WORLDS.find(({ name }) => name === options.world)
  const boundsOf = ({ usual }: NamedWorld) => ({
    depth: options.depth ?? usual.depth,
    faults: options.faults ?? usual.faults,
    states: options.states ?? usual.states,
  })
  if (options.breakAll) {
    const found = await breakEach(world ? [world] : WORLDS, boundsOf)
    if (options.json !== undefined)
      await writeFile(options.json, `${JSON.stringify(found, null, 2)}\n`)
    return
  }
  if (!world) return program.error("error: --world is required without --break-all")
  const bounds = boundsOf(world)
  const broken = options.break === undefined ? undefined : ruleNamed(options.break, world)
  if (broken) console.log(`switched off: ${broken.breaks} (${broken.file})`)
  console.log(`${world.name}: ${world.cast}; at most ${bounds.faults} faults in a schedule`)
  const shown = await world.explore(
    broken ? broken.codeWithout() : INTACT,
    bounds,
    options.quiet ? undefined : printProgress,
  )
  printResult(shown)
  if (options.json !== undefined) {
    const { exploration, columns, rows } = shown
    const data = { world: world.name, bounds, ...exploration, schedule: { columns, rows } }
    await writeFile(options.json, `${JSON.stringify(data, null, 2)}\n`)
  }
  process.exitCode = shown.exploration.violation ? 1 : 0
}

/** Each rule in the worlds that have its files, until one finds it: deep, and with fewer faults, which is wide. */
async function breakEach(
  worlds: readonly NamedWorld[],
  boundsOf: (world: NamedWorld) => Bounds,
): Promise<unknown[]> {
  const results = []
  for (const rule of rulesWith("")) {
    const able = worlds.filter(({ files }) => files.test(rule.file))
    if (able.length === 0) continue
    const why = whyInexpressible(rule)
    const found = why === undefined ? await firstToFind(rule, able, boundsOf) : undefined
    const what = found
      ? `${found.world}, after ${found.states} states, ${found.steps} steps: ${found.message}`
      : (why ?? "NOT FOUND")
    console.log(`${rule.file}: ${rule.breaks}\n  ${what}`)
    results.push({ file: rule.file, breaks: rule.breaks, found, why })
  }
  const of = (those: readonly unknown[]) => `${those.length} of ${results.length}`
  console.log(`${of(results.filter(({ found }) => found))} are found`)
  console.log(`${of(results.filter(({ why }) => why !== undefined))} cannot be expressed`)
  return results
}

async function firstToFind(
  rule: Rule,
  worlds: readonly NamedWorld[],
  boundsOf: (world: NamedWorld) => Bounds,
) {
  const tries = [
    ...worlds.map((world) => ({ world, bounds: boundsOf(world) })),
    ...worlds.map((world) => ({
      world,
      bounds: { ...world.quick, states: boundsOf(world).states },
    })),
  ]
  for (const { world, bounds } of tries) {
    const { violation, states } = (await world.explore(rule.codeWithout(), bounds)).exploration
    const steps = violation?.schedule.length
    if (violation) return { world: world.name, states, steps, message: violation.message }
  }
  return undefined
}

function ruleNamed(text: string, world: NamedWorld) {
  const rules = rulesWith(text, world.files)
  const [rule] = rules
  if (!rule) program.error(`error: --break: no rule of this world contains "${text}"`)
  if (rules.length > 1) {
    program.error(
      `error: --break: "${text}" is a part of several rules:\n${rules.map(({ breaks }) => `  ${breaks}`).join("\n")}`,
    )
  }
  return rule
}

function printProgress({
  states,
  depth,
  waiting,
}: {
  states: number
  depth: number
  waiting: number
}): void {
  console.log(
    `  ${thousands(states)} states, ${thousands(waiting)} of them to be visited, depth ${depth}`,
  )
}

function printResult({ exploration, columns, rows }: Shown): void {
  const { states, transitions, schedules, depth, seconds, isComplete, violation } = exploration
  console.log(
    `${thousands(states)} states, ${thousands(transitions)} transitions, depth ${depth}, ${seconds.toFixed(0)} s`,
  )
  if (violation) {
    console.log(`VIOLATION: ${violation.message}\n\n${tableOf(columns, rows)}`)
    return
  }
  console.log(
    `${Number.isFinite(schedules) ? schedules.toPrecision(3) : "infinitely many"} schedules${isComplete ? ", all of them" : " within the bounds"}`,
  )
  console.log(endings(exploration))
  console.log("no violation")
}

function endings({ longestEndMs, longestIdleMs }: Exploration<Happening>): string {
  return `From every state all calls end within ${longestEndMs} ms if nothing more goes wrong; callers wait for what nobody uses for at most ${longestIdleMs} ms of them.`
}

function thousands(number: number): string {
  return number.toLocaleString("en-US")
}

function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be an integer ≥ 0.")
  return Number(text)
}
