// The embedded engine's commands on strings, except for SET.
import { ErrorReply } from "../engine.js"
import { bigintOf, integerOf, narrow, pairsOf, syntaxError } from "./arguments.js"
import { ALL_KEYS, type Database, type Definitions, ONE_KEY, reads, writes } from "./definition.js"
import { isExpiryUnit, momentOf } from "./expiry-options.js"
import { TEXT } from "./keyspace.js"
import { addDecimals } from "./long-double.js"
import { OK, type Value } from "./reply-value.js"

const textAt = (db: Database, key: string) => db.keyspace.get(key, TEXT)

export const stringCommands: Definitions = {
  get: reads(2, ONE_KEY, (db, key) => textAt(db, key) ?? null),
  mget: reads(-2, ALL_KEYS, (db, ...keys) =>
    keys.map((key) => {
      const value = db.keyspace.peek(key)
      return typeof value === "string" ? value : null
    }),
  ),
  strlen: reads(2, ONE_KEY, (db, key) => textAt(db, key)?.length ?? 0),
  getrange: reads(4, ONE_KEY, range),
  substr: reads(4, ONE_KEY, range),
  mset: writes(-3, [1, -1, 2], (db, ...args) => {
    putAll(db, args, "mset")
    return OK
  }),
  msetnx: writes(-3, [1, -1, 2], (db, ...args) => {
    if (args.some((key, i) => i % 2 === 0 && db.keyspace.has(key))) return 0
    putAll(db, args, "msetnx")
    return 1
  }),
  append: writes(3, ONE_KEY, (db, key, more) => {
    const old = textAt(db, key) ?? ""
    checkLength(old.length + more.length)
    const value = old + more
    db.keyspace.replace(key, value)
    return value.length
  }),
  setrange: writes(4, ONE_KEY, (db, key, offsetText, patch) => {
    const offset = integerOf(offsetText)
    if (offset < 0) throw new ErrorReply("ERR offset is out of range")
    const old = textAt(db, key) ?? ""
    if (patch === "") return old.length
    checkLength(offset + patch.length)
    const head = old.slice(0, offset).padEnd(offset, "\0")
    const value = head + patch + old.slice(offset + patch.length)
    db.keyspace.replace(key, value)
    return value.length
  }),
  getdel: writes(2, ONE_KEY, (db, key) => {
    const value = textAt(db, key) ?? null
    db.keyspace.remove(key)
    return value
  }),
  getex: writes(-2, ONE_KEY, (db, key, ...options) => {
    const value = textAt(db, key) ?? null
    const [option = "", amount] = options
    if (options.length === 0) return value
    if (option.toUpperCase() === "PERSIST" && options.length === 1) {
      db.keyspace.expireAt(key, undefined)
      return value
    }
    if (!isExpiryUnit(option.toUpperCase()) || amount === undefined || options.length !== 2)
      throw syntaxError()
    db.keyspace.expireAt(key, momentOf(db.clock, option.toUpperCase(), amount, "getex"))
    return value
  }),
  incr: writes(2, ONE_KEY, (db, key) => add(db, key, 1n)),
  decr: writes(2, ONE_KEY, (db, key) => add(db, key, -1n)),
  incrby: writes(3, ONE_KEY, (db, key, amount) => add(db, key, bigintOf(amount))),
  decrby: writes(3, ONE_KEY, (db, key, amount) => add(db, key, -bigintOf(amount))),
  incrbyfloat: writes(3, ONE_KEY, (db, key, amount) => {
    const sum = addDecimals(textAt(db, key) ?? "0", amount)
    db.keyspace.replace(key, sum)
    return sum
  }),
}

function range(db: Database, key: string, startText: string, stopText: string): Value {
  const [start, stop] = [integerOf(startText), integerOf(stopText)]
  const value = textAt(db, key) ?? ""
  const from = Math.max(start < 0 ? start + value.length : start, 0)
  const to = stop < 0 ? stop + value.length : stop
  return value.slice(from, Math.max(to + 1, from))
}

function putAll(db: Database, args: string[], command: string): void {
  if (args.length % 2 !== 0)
    throw new ErrorReply(`ERR wrong number of arguments for '${command}' command`)
  for (const [key, value] of pairsOf(args)) db.keyspace.put(key, value)
}

function add(db: Database, key: string, amount: bigint): Value {
  const sum = bigintOf(textAt(db, key) ?? "0") + amount
  if (BigInt.asIntN(64, sum) !== sum)
    throw new ErrorReply("ERR increment or decrement would overflow")
  db.keyspace.replace(key, sum.toString())
  return narrow(sum)
}

/** Redis's default limit, minus the few bytes by which JavaScript's limit is lower. */
function checkLength(length: number): void {
  if (length > 2 ** 29 - 24)
    throw new ErrorReply("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
}
