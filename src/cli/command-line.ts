// Parses the arguments of one command, and reads its options.
import { UsageError } from "./failure.js"
import { nearest } from "./nearest.js"
import { inQuotes } from "./printable.js"

/** An option of a command. */
export interface OptionSpec {
  /** Without its two hyphens. */
  readonly name: string
  /** The name of its value; a flag has none. */
  readonly value?: string
  readonly help: string
}

/** What a command accepts. */
export interface CommandSpec {
  readonly name: string
  /** The names of its positional arguments. */
  readonly positionals: readonly string[]
  /** Whether a command of the user's follows `--`. */
  readonly takesCommand?: boolean
  readonly options: readonly OptionSpec[]
}

/** The parsed arguments of a command. */
export interface Arguments {
  readonly positionals: readonly string[]
  /** By name; a flag has the empty string. */
  readonly options: ReadonlyMap<string, string>
  /** The words after `--`. */
  readonly command: readonly string[]
}

/** @throws UsageError that names the argument */
export function parseArguments(spec: CommandSpec, words: readonly string[]): Arguments {
  const end = words.indexOf("--")
  const own = end < 0 ? words : words.slice(0, end)
  const positionals: string[] = []
  const options = new Map<string, string>()
  for (let i = 0; i < own.length; i++) {
    const word = own[i] ?? ""
    if (!word.startsWith("-") || word === "-") {
      positionals.push(word)
      continue
    }
    const [, name = "", given] = /^--?([^=]*)(?:=([^]*))?$/.exec(word) ?? []
    const option = findOption(spec, word.startsWith("--") ? name : "", word)
    if (options.has(option.name)) throw new UsageError(`--${option.name}: must be passed once`)
    if (option.value === undefined) {
      if (given !== undefined) throw new UsageError(`--${option.name}: does not take a value`)
      options.set(option.name, "")
    } else {
      const value = given ?? own[++i]
      if (value === undefined) {
        throw new UsageError(`--${option.name}: needs a value, ${option.value}`)
      }
      options.set(option.name, value)
    }
  }
  const command = end < 0 ? [] : words.slice(end + 1)
  checkPositionals(spec, positionals, command, end >= 0)
  return { positionals, options, command }
}

function findOption(spec: CommandSpec, name: string, word: string): OptionSpec {
  const found = spec.options.find((option) => option.name === name)
  if (found) return found
  const names = spec.options.map((option) => `--${option.name}`)
  const [near] = nearest(word.replace(/=[^]*/, ""), names)
  throw new UsageError(
    `unknown option ${inQuotes(word.replace(/=[^]*/, ""))} of ${spec.name}${near ? `, did you mean ${near}?` : `, see fetchlock ${spec.name} --help`}`,
  )
}

function checkPositionals(
  { name, positionals: wanted, takesCommand = false }: CommandSpec,
  given: readonly string[],
  command: readonly string[],
  hasDashes: boolean,
): void {
  if (takesCommand && !hasDashes && given.length > wanted.length) {
    throw new UsageError(
      `${name}: put -- before the command, as in: fetchlock run NAME -- COMMAND; got ${inQuotes(given[wanted.length] ?? "")} without it`,
    )
  }
  if (given.length > wanted.length) {
    throw new UsageError(`${name}: unexpected argument ${inQuotes(given[wanted.length] ?? "")}`)
  }
  const missing = wanted[given.length]
  if (missing !== undefined) throw new UsageError(`${name}: ${missing} is missing`)
  if (given.some((text) => text === "")) {
    throw new UsageError(`${name}: ${wanted[given.indexOf("")] ?? ""} must not be empty`)
  }
  if (takesCommand && command.length === 0) {
    throw new UsageError(`${name}: the command is missing: fetchlock ${name} NAME -- COMMAND`)
  }
  if (!takesCommand && hasDashes) throw new UsageError(`${name}: does not take --`)
}

/** Far from the times that Redis cannot represent. */
const LONGEST_MS = 10_000 * 86_400_000

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** The option in milliseconds. A bare number is refused: it is seconds for some commands, and milliseconds for others. */
export function durationOf({ options }: Arguments, name: string, leastMs = 0): number | undefined {
  const text = options.get(name)
  if (text === undefined) return undefined
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text === "0" ? "0s" : text) ?? []
  if (number === undefined || unit === undefined) {
    throw new UsageError(
      `--${name}: must be a duration such as 500ms, 30s or 10m, got ${inQuotes(text)}`,
    )
  }
  const ms = Math.round(Number(number) * UNITS[unit as keyof typeof UNITS])
  if (ms < leastMs || ms > LONGEST_MS) {
    const limits = `from ${leastMs} ms to 10000 days`
    throw new UsageError(`--${name}: must be ${limits}, got ${inQuotes(text)}`)
  }
  return ms
}

/** The option as an integer within the limits. */
export function integerOf(
  { options }: Arguments,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const text = options.get(name)
  if (text === undefined) return undefined
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < least || number > most) {
    throw new UsageError(
      `--${name}: must be an integer from ${least} to ${most}, got ${inQuotes(text)}`,
    )
  }
  return number
}

/** @throws UsageError if both options were passed */
export function checkExclusive({ options }: Arguments, one: string, other: string): void {
  if (options.has(one) && options.has(other)) {
    throw new UsageError(`--${one}: cannot be combined with --${other}`)
  }
}
