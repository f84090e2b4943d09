// Runs the real scripts on the embedded engine. The contents of a database are numbered, with every time relative to now, so
// that the same situation at another time is the same number, and nothing is run twice.
import { Channels } from "../../packages/dev-server/src/embedded/channels.js"
import { Clock } from "../../packages/dev-server/src/embedded/clock.js"
import type { Database } from "../../packages/dev-server/src/embedded/definition.js"
import { Keyspace, type Stored } from "../../packages/dev-server/src/embedded/keyspace.js"
import { LuaVm } from "../../packages/dev-server/src/embedded/lua-vm.js"
import type { Value } from "../../packages/dev-server/src/embedded/reply-value.js"
import { ScriptCommands } from "../../packages/dev-server/src/embedded/script-commands.js"
import { SortedSet } from "../../packages/dev-server/src/embedded/sorted-set.js"
import { ErrorReply } from "../../packages/dev-server/src/engine.js"

/** The server's time of every execution. Stored times move instead. Its digits tell times from all other numbers. */
const NOW_MS = 1_487_654_321_987
const NOW_MICROS = NOW_MS * 1_000
const TIMES = /\b1[45]\d{11}(\d{3})?\b/g
const RELATIVE_TIMES = /@(-?\d+)(u|m)/g

/** A key that lives for longer than any schedule: when it ends makes no difference. */
const FAR_MS = 3_600_000

/** The engine then refuses every key that a script was not given. */
const KEY_LOCKING = "#!lua flags=allow-key-locking\n"

/** A key of a database. Times in its value are written as `@` and the time from now: `@-5000u` is 5 ms ago. */
export interface Key {
  readonly key: string
  /** A string; the members of a set; the pairs of a sorted set or of a hash. */
  readonly kind: "string" | "set" | "zset" | "hash"
  readonly value: readonly string[]
  /** Undefined: it never expires. */
  readonly leftMs: number | undefined
}

/** What a script did. */
export interface Run {
  /** The contents of the database afterwards. */
  readonly after: number
  /** As the engine returned it; the error's message if it failed. */
  readonly reply: Value
  readonly error: string | undefined
  readonly published: readonly (readonly [channel: string, message: string])[]
}

export class Keyspaces {
  /** An empty database. */
  static readonly EMPTY = 0
  readonly #texts: string[] = []
  readonly #keys: (readonly Key[])[] = []
  readonly #ids = new Map<string, number>()
  readonly #runs = new Map<string, Run>()
  readonly #later = new Map<string, number>()
  readonly #micros: (readonly number[])[] = []
  readonly #engine: FrozenEngine

  static async create(): Promise<Keyspaces> {
    return new Keyspaces(new FrozenEngine(await LuaVm.create()))
  }

  private constructor(engine: FrozenEngine) {
    this.#engine = engine
    this.#number([])
  }

  /** The number of different contents so far, and the number of executions. */
  get size(): { readonly contents: number; readonly runs: number } {
    return { contents: this.#texts.length, runs: this.#runs.size }
  }

  /** The keys of a database, in the order of their names. */
  keysOf(id: number): readonly Key[] {
    return this.#keys[id] ?? []
  }

  key(id: number, name: string): Key | undefined {
    return this.keysOf(id).find(({ key }) => key === name)
  }

  /**
   * Runs a script.
   *
   * @param micros how long after the beginning of this millisecond, in microseconds
   * @param listening the channels that have a listener
   */
  run(
    id: number,
    micros: number,
    script: string,
    keys: readonly string[],
    args: readonly string[],
    listening: readonly string[],
  ): Run {
    const memo = `${id} ${micros} ${listening.join(",")} ${script.length} ${args.join("|")} ${keys.join()}`
    const known = this.#runs.get(memo)
    if (known) return known
    this.#engine.load(this.keysOf(id), micros, listening)
    const reply = this.#engine.run(KEY_LOCKING + script, keys, args)
    const run = {
      after: this.#number(this.#engine.save()),
      reply,
      error: reply instanceof ErrorReply ? reply.message : undefined,
      published: [...this.#engine.published],
    }
    this.#runs.set(memo, run)
    return run
  }

  /** The database some time later. */
  later(id: number, ms: number): number {
    const memo = `${id} ${ms}`
    let found = this.#later.get(memo)
    if (found === undefined) {
      const passed = (key: Key): Key => ({
        ...key,
        leftMs: key.leftMs === undefined || isFar(key.leftMs) ? key.leftMs : key.leftMs - ms,
        value: key.value.map((text) => shifted(text, ms)),
      })
      found = this.#number(
        this.keysOf(id)
          .map(passed)
          .filter(({ leftMs }) => leftMs === undefined || leftMs >= 0),
      )
      this.#later.set(memo, found)
    }
    return found
  }

  /** Every time in microseconds that is stored. */
  microsIn(id: number): readonly number[] {
    return (this.#micros[id] ??= [...(this.#texts[id] ?? "").matchAll(RELATIVE_TIMES)].flatMap(
      ([, time, unit]) => (unit === "u" ? [Number(time)] : []),
    ))
  }

  /** The database with other times in microseconds. */
  withMicros(id: number, change: ReadonlyMap<number, number>): number {
    const changed = (text: string) =>
      text.replace(RELATIVE_TIMES, (whole, time: string, unit: string) =>
        unit === "u" ? `@${change.get(Number(time)) ?? time}u` : whole,
      )
    return this.#number(this.keysOf(id).map((key) => ({ ...key, value: key.value.map(changed) })))
  }

  /** The time until the next key ends and is gone; undefined if none does. */
  nextEndMs(id: number): number | undefined {
    let next: number | undefined
    for (const { leftMs } of this.keysOf(id)) {
      if (leftMs === undefined || isFar(leftMs)) continue
      if (next === undefined || leftMs + 1 < next) next = leftMs + 1
    }
    return next
  }

  #number(keys: readonly Key[]): number {
    const text = JSON.stringify(keys)
    let id = this.#ids.get(text)
    if (id === undefined) {
      id = this.#texts.length
      this.#ids.set(text, id)
      this.#texts.push(text)
      this.#keys.push(keys)
    }
    return id
  }
}

/** A time of the engine as microseconds from now. */
export function microsFromNow(absolute: number | string): number {
  return Number(absolute) - NOW_MICROS
}

/** A time in microseconds from now, as the engine writes it. */
export function absoluteMicros(micros: number): string {
  return String(NOW_MICROS + micros)
}

function isFar(leftMs: number): boolean {
  return leftMs > FAR_MS
}

function shifted(text: string, ms: number): string {
  return text.replace(RELATIVE_TIMES, (_, time: string, unit: string) =>
    unit === "u" ? `@${Number(time) - ms * 1_000}u` : `@${Number(time) - ms}m`,
  )
}

function relative(text: string): string {
  return text.replace(TIMES, (digits: string, isMicros: string | undefined) =>
    isMicros === undefined ? `@${Number(digits) - NOW_MS}m` : `@${microsFromNow(digits)}u`,
  )
}

function absolute(text: string): string {
  return text.replace(RELATIVE_TIMES, (_, time: string, unit: string) =>
    unit === "u" ? absoluteMicros(Number(time)) : String(NOW_MS + Number(time)),
  )
}

/** The embedded engine at one moment. */
class FrozenEngine {
  readonly published: [channel: string, message: string][] = []
  readonly #clock = new FrozenClock()
  readonly #channels = new CountedChannels(this.published)
  readonly #db: Database
  readonly #scripts: ScriptCommands

  constructor(vm: LuaVm) {
    const keyspace = new Keyspace(this.#clock)
    this.#db = { clock: this.#clock, keyspace, channels: this.#channels, calls: new Map() }
    this.#scripts = new ScriptCommands(this.#db, vm)
  }

  load(keys: readonly Key[], micros: number, listening: readonly string[]): void {
    const { keyspace } = this.#db
    this.published.length = 0
    this.#clock.offset = micros
    this.#channels.listening = listening
    keyspace.clear()
    // A key still exists in the millisecond in which it ends, but cannot be given that end any more.
    this.#clock.early = 1
    for (const { key, kind, value, leftMs } of keys) {
      keyspace.put(key, restored(kind, value.map(absolute)))
      keyspace.expireAt(key, leftMs === undefined ? undefined : NOW_MS + leftMs)
    }
    this.#clock.early = 0
  }

  run(script: string, keys: readonly string[], args: readonly string[]): Value {
    return this.#scripts.run("EVAL", [script, String(keys.length), ...keys, ...args])
  }

  save(): Key[] {
    const { keyspace } = this.#db
    return keyspace
      .keys()
      .sort()
      .map((key) => {
        const stored = keyspace.peek(key) ?? ""
        const ends = keyspace.expiryOf(key)
        const leftMs = ends === undefined ? undefined : Math.min(ends - NOW_MS, 2 * FAR_MS)
        return { key, ...saved(stored), leftMs }
      })
  }
}

class FrozenClock extends Clock {
  offset = 0
  early = 0

  override get ms(): number {
    return NOW_MS - this.early
  }

  override micros(): number {
    return NOW_MICROS + this.offset
  }
}

/** Channels whose listeners are not here: notes what is published, and counts. */
class CountedChannels extends Channels {
  listening: readonly string[] = []
  readonly #published: [channel: string, message: string][]

  constructor(published: [channel: string, message: string][]) {
    super()
    this.#published = published
  }

  override publish(channel: string, payload: string): number {
    this.#published.push([channel, payload])
    return this.listening.includes(channel) ? 1 : 0
  }

  override counts(): Map<string, number> {
    return new Map(this.listening.map((channel) => [channel, 1]))
  }
}

function saved(stored: Stored): Pick<Key, "kind" | "value"> {
  if (typeof stored === "string") return { kind: "string", value: [relative(stored)] }
  if (stored instanceof SortedSet) {
    const value = stored.members.flatMap(({ name, score }) => [
      relative(name),
      relative(String(score)),
    ])
    return { kind: "zset", value }
  }
  if (stored instanceof Map) {
    const pairs = [...stored].sort(([a], [b]) => (a < b ? -1 : 1))
    return { kind: "hash", value: pairs.flat().map(relative) }
  }
  return { kind: "set", value: [...stored].sort().map(relative) }
}

function restored(kind: Key["kind"], value: readonly string[]): Stored {
  if (kind === "string") return value[0] ?? ""
  if (kind === "set") return new Set(value)
  if (kind === "hash") return new Map(pairsOf(value))
  const set = new SortedSet()
  for (const [name, score] of pairsOf(value)) set.set(name, Number(score))
  return set
}

/** A flat list as pairs. */
export function pairsOf(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([flat[i] ?? "", flat[i + 1] ?? ""])
  return pairs
}
