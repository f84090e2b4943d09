// Parses the durations of public options: milliseconds as a number, or text with a unit.
import { invalid, show } from "../values/invalid-argument.js"

/**
 * A length of time: an integer in **milliseconds**, or text with a number and a unit.
 *
 * > [!WARNING]
 * > Locks in other languages often count in seconds. Here `30` is 30 ms: write `"30s"`.
 *
 * @example
 * ```ts
 * import type { Duration } from "fetchlock"
 *
 * const durations: Duration[] = [1500, "500ms", "30s", "2m", "1.5h", "1d"]
 * ```
 */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** The longest delay that a timer accepts. */
export const MAX_TIMER_MS = 2 ** 31 - 1

/** The allowed values of a duration. */
export interface DurationRange {
  /** The shortest allowed, in milliseconds. */
  readonly min: number
  /** The longest allowed, in milliseconds; Infinity where there is no limit and Infinity itself is allowed. */
  readonly max: number
}

const TTL: DurationRange = { min: 10, max: Number.MAX_SAFE_INTEGER }

/**
 * Parses a duration to integer milliseconds. A fraction of a millisecond is refused: it was most likely meant in seconds.
 *
 * @throws `TypeError` if it is not a duration, `RangeError` if it is out of range; both name the option.
 */
export function parseDuration(option: string, value: unknown, range: DurationRange): number {
  const exact = toMilliseconds(option, value)
  const ms = Math.round(exact)
  // "4.35s" must not fail because of floating-point error.
  if (Math.abs(exact - ms) > 1e-6) {
    throw new RangeError(
      `${option}: must be an integer in milliseconds, or text such as "30s", got ${show(value)}`,
    )
  }
  if (ms < range.min || ms > range.max) {
    const limits =
      range.max === Infinity ? `at least ${range.min} ms` : `from ${range.min} to ${range.max} ms`
    throw new RangeError(`${option}: must be ${limits}, got ${String(value).slice(0, 50)}`)
  }
  return ms
}

/** Parses a ttl to milliseconds. A ttl below 10 ms would be over before its grant arrived. */
export function parseTtl(ttl: unknown): number {
  return parseDuration("ttl", ttl, TTL)
}

function toMilliseconds(option: string, value: unknown): number {
  if (typeof value === "number" && !Number.isNaN(value)) return value
  const match = typeof value === "string" ? /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(value) : null
  if (!match) {
    throw invalid(option, 'milliseconds or text such as "500ms", "30s" or "2m"', value)
  }
  return Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]
}
