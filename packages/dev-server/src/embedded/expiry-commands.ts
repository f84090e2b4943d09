// The embedded engine's commands on the expiry of keys.
import { ErrorReply } from "../engine.js"
import {
  type Database,
  type Definition,
  type Definitions,
  ONE_KEY,
  reads,
  writes,
} from "./definition.js"
import { anyMomentOf } from "./expiry-options.js"
import type { Value } from "./reply-value.js"

export const expiryCommands: Definitions = {
  expire: expires("EX", "expire"),
  pexpire: expires("PX", "pexpire"),
  expireat: expires("EXAT", "expireat"),
  pexpireat: expires("PXAT", "pexpireat"),
  ttl: tells((expiry, now) => Math.floor((expiry - now + 500) / 1000)),
  pttl: tells((expiry, now) => expiry - now),
  expiretime: tells((expiry) => Math.floor((expiry + 500) / 1000)),
  pexpiretime: tells((expiry) => expiry),
  persist: writes(2, ONE_KEY, (db, key) => {
    if (db.keyspace.expiryOf(key) === undefined) return 0
    db.keyspace.expireAt(key, undefined)
    return 1
  }),
}

function expires(unit: string, command: string): Definition {
  return writes(-3, ONE_KEY, (db, key, amount, ...words) => {
    const wanted = readConditions(words)
    const moment = anyMomentOf(db.clock, unit, amount, command)
    if (!db.keyspace.has(key) || !meets(wanted, moment, db.keyspace.expiryOf(key))) return 0
    db.keyspace.expireAt(key, moment)
    return 1
  })
}

function tells(answer: (expiry: number, now: number) => number): Definition {
  return reads(2, ONE_KEY, (db: Database, key): Value => {
    if (!db.keyspace.has(key)) return -2
    const expiry = db.keyspace.expiryOf(key)
    return expiry === undefined ? -1 : answer(expiry, db.clock.ms)
  })
}

function readConditions(words: readonly string[]): ReadonlySet<string> {
  const wanted = new Set<string>()
  for (const word of words) {
    if (!/^(nx|xx|gt|lt)$/i.test(word)) throw new ErrorReply(`ERR Unsupported option ${word}`)
    wanted.add(word.toUpperCase())
  }
  if (wanted.has("NX") && wanted.size > 1)
    throw new ErrorReply("ERR NX and XX, GT or LT options at the same time are not compatible")
  if (wanted.has("GT") && wanted.has("LT"))
    throw new ErrorReply("ERR GT and LT options at the same time are not compatible")
  return wanted
}

/** The expiry of a key without one counts as infinite: for GT and LT, any other expiry is less. */
function meets(wanted: ReadonlySet<string>, moment: number, current: number | undefined): boolean {
  if (wanted.has("NX") && current !== undefined) return false
  if (wanted.has("XX") && current === undefined) return false
  if (wanted.has("GT") && moment <= (current ?? Infinity)) return false
  return !(wanted.has("LT") && moment >= (current ?? Infinity))
}
