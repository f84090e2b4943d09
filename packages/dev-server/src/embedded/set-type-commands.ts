// The embedded engine's commands on sets.
import { ErrorReply } from "../engine.js"
import { at, integerOf } from "./arguments.js"
import {
  ALL_KEYS,
  type Database,
  type Definition,
  type Definitions,
  ONE_KEY,
  reads,
  TWO_KEYS,
  writes,
} from "./definition.js"
import { SET } from "./keyspace.js"
import type { Value } from "./reply-value.js"
import { scanCollection, scanOptions } from "./scan.js"

/** The largest number of members that may repeat. Redis is limited only by its memory. */
const MAX_RANDOM = 1_000_000

const setAt = (db: Database, key: string): ReadonlySet<string> =>
  db.keyspace.get(key, SET) ?? new Set<string>()

export const setTypeCommands: Definitions = {
  smembers: reads(2, ONE_KEY, (db, key) => [...setAt(db, key)]),
  scard: reads(2, ONE_KEY, (db, key) => setAt(db, key).size),
  sismember: reads(3, ONE_KEY, (db, key, member) => (setAt(db, key).has(member) ? 1 : 0)),
  smismember: reads(-3, ONE_KEY, (db, key, ...members) => {
    const set = setAt(db, key)
    return members.map((member) => (set.has(member) ? 1 : 0))
  }),
  sscan: reads(-3, ONE_KEY, (db, key, cursor, ...options) => {
    const scan = scanOptions(cursor, options)
    const page = scanCollection([...setAt(db, key)], (member) => member, scan)
    return [page.cursor, page.items]
  }),
  srandmember: reads(-2, ONE_KEY, (db, key, ...rest) => {
    const members = shuffled(setAt(db, key))
    if (rest.length === 0) return members[0] ?? null
    const count = integerOf(at(rest, 0))
    if (count >= 0 || members.length === 0) return members.slice(0, Math.max(count, 0))
    if (-count > MAX_RANDOM) throw new ErrorReply("ERR value is out of range")
    return Array.from({ length: -count }, () =>
      at(members, Math.floor(Math.random() * members.length)),
    )
  }),
  sadd: writes(-3, ONE_KEY, (db, key, ...members) =>
    db.keyspace.update(key, SET, (set) => {
      const before = set.size
      for (const member of members) set.add(member)
      return set.size - before
    }),
  ),
  srem: writes(-3, ONE_KEY, (db, key, ...members) =>
    db.keyspace.update(key, SET, (set) => members.filter((member) => set.delete(member)).length),
  ),
  spop: writes(-2, ONE_KEY, (db, key, ...rest): Value => {
    const count = rest.length === 0 ? undefined : integerOf(at(rest, 0))
    if (count !== undefined && count < 0)
      throw new ErrorReply("ERR value is out of range, must be positive")
    const taken = shuffled(setAt(db, key)).slice(0, count ?? 1)
    db.keyspace.update(key, SET, (set) => {
      for (const member of taken) set.delete(member)
    })
    return count === undefined ? (taken[0] ?? null) : taken
  }),
  smove: writes(4, TWO_KEYS, (db, from, to, member) => {
    setAt(db, to)
    if (!setAt(db, from).has(member)) return 0
    db.keyspace.update(from, SET, (set) => set.delete(member))
    db.keyspace.update(to, SET, (set) => set.add(member))
    return 1
  }),
  sinter: reads(-2, ALL_KEYS, (db, ...keys) => intersection(db, keys)),
  sunion: reads(-2, ALL_KEYS, (db, ...keys) => union(db, keys)),
  sdiff: reads(-2, ALL_KEYS, (db, ...keys) => difference(db, keys)),
  sinterstore: stores(intersection),
  sunionstore: stores(union),
  sdiffstore: stores(difference),
}

type Combine = (db: Database, keys: readonly string[]) => string[]

function stores(combine: Combine): Definition {
  return writes(-3, ALL_KEYS, (db, target, ...keys) => {
    const members = combine(db, keys)
    db.keyspace.put(target, new Set(members))
    return members.length
  })
}

function intersection(db: Database, keys: readonly string[]): string[] {
  const [first = new Set<string>(), ...others] = keys.map((key) => setAt(db, key))
  return [...first].filter((member) => others.every((set) => set.has(member)))
}

function union(db: Database, keys: readonly string[]): string[] {
  return [...new Set(keys.flatMap((key) => [...setAt(db, key)]))]
}

function difference(db: Database, keys: readonly string[]): string[] {
  const [first = new Set<string>(), ...others] = keys.map((key) => setAt(db, key))
  return [...first].filter((member) => !others.some((set) => set.has(member)))
}

function shuffled(set: ReadonlySet<string>): string[] {
  return [...set]
    .map((member) => ({ member, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ member }) => member)
}
