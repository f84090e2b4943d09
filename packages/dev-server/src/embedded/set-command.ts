// The embedded engine's SET with all its options, and its older forms.
import { syntaxError } from "./arguments.js"
import { type Database, type Definitions, ONE_KEY, writes } from "./definition.js"
import { isExpiryUnit, momentOf } from "./expiry-options.js"
import { TEXT } from "./keyspace.js"
import { OK, type Value } from "./reply-value.js"

export const setCommands: Definitions = {
  set: writes(-3, ONE_KEY, set),
  setnx: writes(3, ONE_KEY, (db, key, value) => {
    if (db.keyspace.has(key)) return 0
    db.keyspace.put(key, value)
    return 1
  }),
  setex: writes(4, ONE_KEY, (db, key, ttl, value) => put(db, key, value, "EX", ttl, "setex")),
  psetex: writes(4, ONE_KEY, (db, key, ttl, value) => put(db, key, value, "PX", ttl, "psetex")),
  getset: writes(3, ONE_KEY, (db, key, value) => {
    const old = db.keyspace.get(key, TEXT) ?? null
    db.keyspace.put(key, value)
    return old
  }),
}

interface SetOptions {
  condition?: "NX" | "XX"
  get?: boolean
  keepTtl?: boolean
  expiresAtMs?: number
}

function set(db: Database, key: string, value: string, ...words: string[]): Value {
  const options = readOptions(db, words)
  // With GET, a value that is not a string is refused before anything else.
  const old = options.get === true ? (db.keyspace.get(key, TEXT) ?? null) : null
  const exists = db.keyspace.has(key)
  const blocked = options.condition === (exists ? "NX" : "XX")
  if (blocked) return old
  if (options.keepTtl === true && exists) {
    const expiry = db.keyspace.expiryOf(key)
    db.keyspace.put(key, value)
    db.keyspace.expireAt(key, expiry)
  } else {
    db.keyspace.put(key, value)
    if (options.expiresAtMs !== undefined) db.keyspace.expireAt(key, options.expiresAtMs)
  }
  return options.get === true ? old : OK
}

function readOptions(db: Database, words: readonly string[]): SetOptions {
  const options: SetOptions = {}
  for (let i = 0; i < words.length; i++) {
    const word = words[i]?.toUpperCase() ?? ""
    const hasExpiry = options.keepTtl === true || options.expiresAtMs !== undefined
    const amount = words[i + 1]
    if ((word === "NX" || word === "XX") && (options.condition ?? word) === word)
      options.condition = word
    else if (word === "GET") options.get = true
    else if (word === "KEEPTTL" && !hasExpiry) options.keepTtl = true
    else if (isExpiryUnit(word) && !hasExpiry && amount !== undefined) {
      options.expiresAtMs = momentOf(db.clock, word, amount, "set")
      i++
    } else throw syntaxError()
  }
  return options
}

function put(
  db: Database,
  key: string,
  value: string,
  unit: "EX" | "PX",
  ttl: string,
  command: string,
): Value {
  const expiresAtMs = momentOf(db.clock, unit, ttl, command)
  db.keyspace.put(key, value)
  db.keyspace.expireAt(key, expiresAtMs)
  return OK
}
