// The embedded engine's commands on sorted sets, except for ranges.
import { ErrorReply } from "../engine.js"
import { at, floatOf, integerOf, pairsOf, syntaxError } from "./arguments.js"
import {
  type Database,
  type Definition,
  type Definitions,
  ONE_KEY,
  reads,
  writes,
} from "./definition.js"
import { ZSET } from "./keyspace.js"
import { formatScore } from "./number-text.js"
import type { Value } from "./reply-value.js"
import { scanCollection, scanOptions } from "./scan.js"
import { type Member, SortedSet } from "./sorted-set.js"

export const sortedSetAt = (db: Database, key: string): SortedSet =>
  db.keyspace.get(key, ZSET) ?? new SortedSet()

export const withScores = (members: readonly Member[]): string[] =>
  members.flatMap(({ name, score }) => [name, formatScore(score)])

export const sortedSetCommands: Definitions = {
  zcard: reads(2, ONE_KEY, (db, key) => sortedSetAt(db, key).size),
  zscore: reads(3, ONE_KEY, (db, key, name) => scoreIn(sortedSetAt(db, key), name)),
  zmscore: reads(-3, ONE_KEY, (db, key, ...names) => {
    const set = sortedSetAt(db, key)
    return names.map((name) => scoreIn(set, name))
  }),
  zrank: reads(3, ONE_KEY, (db, key, name) => {
    const rank = sortedSetAt(db, key).rankOf(name)
    return rank < 0 ? null : rank
  }),
  zrevrank: reads(3, ONE_KEY, (db, key, name) => {
    const set = sortedSetAt(db, key)
    const rank = set.rankOf(name)
    return rank < 0 ? null : set.size - 1 - rank
  }),
  zscan: reads(-3, ONE_KEY, (db, key, cursor, ...options) => {
    const scan = scanOptions(cursor, options)
    const page = scanCollection(sortedSetAt(db, key).members, ({ name }) => name, scan)
    return [page.cursor, withScores(page.items)]
  }),
  zrem: writes(-3, ONE_KEY, (db, key, ...names) =>
    db.keyspace.update(key, ZSET, (set) => names.filter((name) => set.delete(name)).length),
  ),
  zpopmin: pops((set, count) => set.members.slice(0, count)),
  zpopmax: pops((set, count) => [...set.members].reverse().slice(0, count)),
  zincrby: writes(4, ONE_KEY, (db, key, amount, name) => zadd(db, key, "INCR", amount, name)),
  zadd: writes(-4, ONE_KEY, zadd),
}

function scoreIn(set: SortedSet, name: string): Value {
  const score = set.scoreOf(name)
  return score === undefined ? null : formatScore(score)
}

function pops(choose: (set: SortedSet, count: number) => readonly Member[]): Definition {
  return writes(-2, ONE_KEY, (db, key, ...rest) => {
    if (rest.length > 1) throw syntaxError()
    const count = rest.length === 0 ? 1 : integerOf(at(rest, 0))
    if (count < 0) throw new ErrorReply("ERR value is out of range, must be positive")
    return db.keyspace.update(key, ZSET, (set) => {
      const taken = choose(set, count)
      for (const { name } of taken) set.delete(name)
      return withScores(taken)
    })
  })
}

function zadd(db: Database, key: string, ...args: string[]): Value {
  const options = new Set<string>()
  let from = 0
  while (/^(nx|xx|gt|lt|ch|incr)$/i.test(args[from] ?? "")) {
    options.add(at(args, from).toUpperCase())
    from++
  }
  const entries = args.slice(from)
  if (entries.length === 0 || entries.length % 2 !== 0) throw syntaxError()
  checkOptions(options, entries.length)
  const scored = pairsOf(entries).map(([score, name]) => ({ score: floatOf(score), name }))
  return db.keyspace.update(key, ZSET, (set) => {
    let added = 0
    let changed = 0
    let last: number | undefined
    for (const { name, score } of scored) {
      const old = set.scoreOf(name)
      const next = options.has("INCR") ? (old ?? 0) + score : score
      if (Number.isNaN(next)) throw new ErrorReply("ERR resulting score is not a number (NaN)")
      if (!isAllowed(options, old, next)) continue
      last = next
      if (old === undefined) added++
      else if (old !== next) changed++
      if (old !== next) set.set(name, next)
    }
    if (options.has("INCR")) return last === undefined ? null : formatScore(last)
    return options.has("CH") ? added + changed : added
  })
}

function checkOptions(options: ReadonlySet<string>, length: number): void {
  const has = (...words: string[]) => words.filter((word) => options.has(word)).length > 1
  if (has("NX", "XX"))
    throw new ErrorReply("ERR XX and NX options at the same time are not compatible")
  if (has("GT", "LT", "NX"))
    throw new ErrorReply("ERR GT, LT, and/or NX options at the same time are not compatible")
  if (options.has("INCR") && length > 2)
    throw new ErrorReply("ERR INCR option supports a single increment-element pair")
}

function isAllowed(options: ReadonlySet<string>, old: number | undefined, next: number): boolean {
  if (old === undefined) return !options.has("XX")
  if (options.has("NX")) return false
  if (options.has("GT") && next <= old) return false
  return !(options.has("LT") && next >= old)
}
