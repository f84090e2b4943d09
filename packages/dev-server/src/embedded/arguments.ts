// Reads numbers and options out of a command's arguments, refusing what Redis refuses, in its words.
import { ErrorReply } from "../engine.js"

export const syntaxError = () => new ErrorReply("ERR syntax error")
const notAnInteger = () => new ErrorReply("ERR value is not an integer or out of range")

/** An argument that the arity check has already promised. */
export function at(args: readonly string[], index: number): string {
  const arg = args[index]
  if (arg === undefined) throw syntaxError()
  return arg
}

export function bigintOf(text: string): bigint {
  if (!/^(0|-?[1-9]\d*)$/.test(text)) throw notAnInteger()
  const value = BigInt(text)
  if (BigInt.asIntN(64, value) !== value) throw notAnInteger()
  return value
}

export function integerOf(text: string): number {
  return Number(bigintOf(text))
}

/** A float as Redis reads it; `inf` and `-inf` count. */
export function floatOf(text: string, refusal = "ERR value is not a valid float"): number {
  const infinite = /^([+-]?)inf(inity)?$/i.exec(text)
  if (infinite) return infinite[1] === "-" ? -Infinity : Infinity
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) throw new ErrorReply(refusal)
  return Number(text)
}

/** An integer as a number where that is exact. */
export function narrow(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** Resolves a start and stop that may count from the end, as LRANGE and ZRANGE have them. */
export function sliceOf<T>(items: readonly T[], start: number, stop: number): T[] {
  const from = Math.max(start < 0 ? start + items.length : start, 0)
  const to = stop < 0 ? stop + items.length : stop
  return items.slice(from, Math.max(to + 1, 0))
}

/** Arguments two by two. */
export function pairsOf(args: readonly string[]): [string, string][] {
  const result: [string, string][] = []
  for (let i = 0; i < args.length; i += 2) result.push([at(args, i), at(args, i + 1)])
  return result
}
