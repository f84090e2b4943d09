// The keys of one embedded engine: typed values with their expiry.
import { ErrorReply } from "../engine.js"
import type { Clock } from "./clock.js"
import { SortedSet } from "./sorted-set.js"

export type Stored = string | string[] | Set<string> | Map<string, string> | SortedSet

interface Entry {
  value: Stored
  expiresAtMs: number | undefined
}

/** Creates an empty value of a kind, and recognizes values of that kind. */
export interface Kind<T extends Stored> {
  create(): T
  is(value: Stored): value is T
}

export const TEXT: Kind<string> = { create: () => "", is: (v) => typeof v === "string" }
export const LIST: Kind<string[]> = { create: () => [], is: (v) => Array.isArray(v) }
export const SET: Kind<Set<string>> = { create: () => new Set(), is: (v) => v instanceof Set }
export const HASH: Kind<Map<string, string>> = {
  create: () => new Map(),
  is: (v) => v instanceof Map,
}
export const ZSET: Kind<SortedSet> = {
  create: () => new SortedSet(),
  is: (v) => v instanceof SortedSet,
}

export class Keyspace {
  readonly #entries = new Map<string, Entry>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The value, if there is one of this kind. @throws ErrorReply (WRONGTYPE) */
  get<T extends Stored>(key: string, kind: Kind<T>): T | undefined {
    const value = this.#live(key)?.value
    if (value === undefined || kind.is(value)) return value
    throw new ErrorReply("WRONGTYPE Operation against a key holding the wrong kind of value")
  }

  /** Changes a collection in place, and creates it if it is missing. An empty one is deleted, as in Redis. */
  update<T extends Exclude<Stored, string>, R>(key: string, kind: Kind<T>, change: (v: T) => R): R {
    const value = this.get(key, kind) ?? kind.create()
    const result = change(value)
    if (sizeOf(value) === 0) this.#entries.delete(key)
    else if (!this.#entries.has(key)) this.#entries.set(key, { value, expiresAtMs: undefined })
    return result
  }

  /** The value of any kind. */
  peek(key: string): Stored | undefined {
    return this.#live(key)?.value
  }

  has(key: string): boolean {
    return this.#live(key) !== undefined
  }

  /** Writes a value that never expires. */
  put(key: string, value: Stored): void {
    if (typeof value !== "string" && sizeOf(value) === 0) this.#entries.delete(key)
    else this.#entries.set(key, { value, expiresAtMs: undefined })
  }

  /** Writes a value and keeps the key's expiry. */
  replace(key: string, value: string): void {
    const entry = this.#live(key)
    if (entry) entry.value = value
    else this.put(key, value)
  }

  remove(key: string): boolean {
    return this.has(key) && this.#entries.delete(key)
  }

  /** When the key expires; undefined if never. */
  expiryOf(key: string): number | undefined {
    return this.#live(key)?.expiresAtMs
  }

  /** Sets or (with undefined) removes the expiry of an existing key. A time in the past deletes the key. */
  expireAt(key: string, atMs: number | undefined): void {
    const entry = this.#live(key)
    if (!entry) return
    if (atMs !== undefined && atMs <= this.#clock.ms) this.#entries.delete(key)
    else entry.expiresAtMs = atMs
  }

  keys(): string[] {
    return [...this.#entries.keys()].filter((key) => this.has(key))
  }

  clear(): void {
    this.#entries.clear()
  }

  #live(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    // Strictly later: in that very millisecond the key still exists in Redis, with a PTTL of 0.
    if (entry?.expiresAtMs === undefined || this.#clock.ms <= entry.expiresAtMs) return entry
    this.#entries.delete(key)
    return undefined
  }
}

function sizeOf(value: Exclude<Stored, string>): number {
  return Array.isArray(value) ? value.length : value.size
}
