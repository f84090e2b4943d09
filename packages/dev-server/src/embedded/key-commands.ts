// The embedded engine's commands on keys of any type, except for their expiry.
import { ErrorReply } from "../engine.js"
import { syntaxError } from "./arguments.js"
import {
  ALL_KEYS,
  type Database,
  type Definitions,
  NO_KEYS,
  ONE_KEY,
  reads,
  TWO_KEYS,
  writes,
} from "./definition.js"
import { globMatcher } from "./glob.js"
import { HASH, LIST, SET, type Stored } from "./keyspace.js"
import { OK, Status, type Value } from "./reply-value.js"
import { scanOptions, scanPage } from "./scan.js"
import { SortedSet } from "./sorted-set.js"

const countExisting = (db: Database, ...keys: string[]) =>
  keys.filter((key) => db.keyspace.has(key)).length
const removeAll = (db: Database, ...keys: string[]) =>
  keys.filter((key) => db.keyspace.remove(key)).length

export const keyCommands: Definitions = {
  del: writes(-2, ALL_KEYS, removeAll),
  unlink: writes(-2, ALL_KEYS, removeAll),
  exists: reads(-2, ALL_KEYS, countExisting),
  touch: reads(-2, ALL_KEYS, countExisting),
  type: reads(2, ONE_KEY, (db, key) => new Status(typeOf(db.keyspace.peek(key)))),
  rename: writes(3, TWO_KEYS, (db, from, to) => {
    move(db, from, to)
    return OK
  }),
  renamenx: writes(3, TWO_KEYS, (db, from, to) => {
    if (!db.keyspace.has(from)) throw new ErrorReply("ERR no such key")
    if (db.keyspace.has(to)) return 0
    move(db, from, to)
    return 1
  }),
  copy: writes(-3, TWO_KEYS, (db, from, to, ...options) => {
    const replace = options[0]?.toUpperCase() === "REPLACE"
    if (options.length > (replace ? 1 : 0)) throw syntaxError()
    const value = db.keyspace.peek(from)
    if (value === undefined || (db.keyspace.has(to) && !replace)) return 0
    db.keyspace.put(to, clone(value))
    db.keyspace.expireAt(to, db.keyspace.expiryOf(from))
    return 1
  }),
  keys: reads(2, NO_KEYS, (db, pattern) => {
    return db.keyspace.keys().filter(globMatcher(pattern))
  }),
  scan: reads(-2, NO_KEYS, (db, cursor, ...options) => {
    const scan = scanOptions(cursor, options)
    const { matches, type } = scan
    const isOfType = (key: string) => type === undefined || typeOf(db.keyspace.peek(key)) === type
    const page = scanPage(db.keyspace.keys(), (key) => key, scan)
    return [page.cursor, page.items.filter((key) => matches(key) && isOfType(key))]
  }),
  randomkey: reads(1, NO_KEYS, (db) => {
    const keys = db.keyspace.keys()
    return keys[Math.floor(Math.random() * keys.length)] ?? null
  }),
  dbsize: reads(1, NO_KEYS, (db) => db.keyspace.keys().length),
  flushdb: writes(-1, NO_KEYS, flush),
  flushall: writes(-1, NO_KEYS, flush),
}

function typeOf(value: Stored | undefined): string {
  if (value === undefined) return "none"
  if (typeof value === "string") return "string"
  if (LIST.is(value)) return "list"
  if (SET.is(value)) return "set"
  return HASH.is(value) ? "hash" : "zset"
}

function move(db: Database, from: string, to: string): void {
  const value = db.keyspace.peek(from)
  if (value === undefined) throw new ErrorReply("ERR no such key")
  const expiry = db.keyspace.expiryOf(from)
  db.keyspace.remove(from)
  db.keyspace.put(to, value)
  db.keyspace.expireAt(to, expiry)
}

function clone(value: Stored): Stored {
  if (!(value instanceof SortedSet)) return structuredClone(value)
  const copy = new SortedSet()
  for (const { name, score } of value.members) copy.set(name, score)
  return copy
}

function flush(db: Database, ...options: string[]): Value {
  const [mode] = options
  if (options.length > 1 || (mode !== undefined && !/^a?sync$/i.test(mode))) throw syntaxError()
  db.keyspace.clear()
  return OK
}
