// The definition of a command of the embedded engine: its number of arguments, its keys, its work.
import type { Channels } from "./channels.js"
import type { Clock } from "./clock.js"
import type { Keyspace } from "./keyspace.js"
import type { Value } from "./reply-value.js"

export interface Database {
  readonly keyspace: Keyspace
  readonly clock: Clock
  readonly channels: Channels
  /** The number of calls of each command so far, including calls by scripts. */
  readonly calls: Map<string, number>
}

/** The positions of the first and last key, and the step, as in COMMAND: a negative `last` counts from the end. */
export type KeyRange = readonly [first: number, last: number, step: number]

export const NO_KEYS: KeyRange = [0, 0, 0]
export const ONE_KEY: KeyRange = [1, 1, 1]
export const TWO_KEYS: KeyRange = [1, 2, 1]
export const ALL_KEYS: KeyRange = [1, -1, 1]

/** Runs the command. The number of arguments has been checked against `arity`, so the required ones are strings. */
type Run = (db: Database, ...args: string[]) => Value

export interface Definition {
  /** The number of words, including the name; if negative, the minimum. */
  readonly arity: number
  readonly keys: KeyRange
  readonly writes: boolean
  readonly run: Run
}

export type Definitions = Readonly<Record<string, Definition>>

export function reads(arity: number, keys: KeyRange, run: Run): Definition {
  return { arity, keys, writes: false, run }
}

export function writes(arity: number, keys: KeyRange, run: Run): Definition {
  return { arity, keys, writes: true, run }
}

export function hasArity(definition: Definition, args: readonly string[]): boolean {
  const { arity } = definition
  return arity < 0 ? args.length + 1 >= -arity : args.length + 1 === arity
}

export function keysAmong(definition: Definition, args: readonly string[]): string[] {
  const [first, last, step] = definition.keys
  if (first === 0) return []
  const end = last < 0 ? args.length + last + 1 : last
  return args.slice(first - 1, end).filter((_, i) => i % step === 0)
}
