// How a command of the embedded engine is defined: how many arguments, which of them are keys, what it does.
import type { Channels } from "./channels.js"
import type { Clock } from "./clock.js"
import type { Keyspace } from "./keyspace.js"
import type { Value } from "./reply-value.js"

export interface Database {
  readonly keyspace: Keyspace
  readonly clock: Clock
  readonly channels: Channels
  /** Calls of each command so far, those of scripts included. */
  readonly calls: Map<string, number>
}

/** Positions of the first and last key, and from key to key; a negative last counts from the end (COMMAND's way). */
export type KeyRange = readonly [first: number, last: number, step: number]

export const NO_KEYS: KeyRange = [0, 0, 0]
export const ONE_KEY: KeyRange = [1, 1, 1]
export const TWO_KEYS: KeyRange = [1, 2, 1]
export const ALL_KEYS: KeyRange = [1, -1, 1]

/** Does the command. The arguments are as many as `arity` allows; those it promises are strings. */
type Run = (db: Database, ...args: string[]) => Value

export interface Definition {
  /** Name and arguments together; negative: at least so many. */
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
