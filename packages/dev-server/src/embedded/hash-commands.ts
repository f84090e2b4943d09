// The embedded engine's commands on hashes.
import { ErrorReply } from "../engine.js"
import { bigintOf, narrow, pairsOf } from "./arguments.js"
import { type Database, type Definitions, ONE_KEY, reads, writes } from "./definition.js"
import { HASH } from "./keyspace.js"
import { addDecimals } from "./long-double.js"
import { OK } from "./reply-value.js"
import { scanCollection, scanOptions } from "./scan.js"

const NOTHING: ReadonlyMap<string, string> = new Map()
const hashAt = (db: Database, key: string) => db.keyspace.get(key, HASH) ?? NOTHING

export const hashCommands: Definitions = {
  hget: reads(3, ONE_KEY, (db, key, field) => hashAt(db, key).get(field) ?? null),
  hmget: reads(-3, ONE_KEY, (db, key, ...fields) => {
    const hash = hashAt(db, key)
    return fields.map((field) => hash.get(field) ?? null)
  }),
  hgetall: reads(2, ONE_KEY, (db, key) => [...hashAt(db, key)].flat()),
  hkeys: reads(2, ONE_KEY, (db, key) => [...hashAt(db, key).keys()]),
  hvals: reads(2, ONE_KEY, (db, key) => [...hashAt(db, key).values()]),
  hlen: reads(2, ONE_KEY, (db, key) => hashAt(db, key).size),
  hexists: reads(3, ONE_KEY, (db, key, field) => (hashAt(db, key).has(field) ? 1 : 0)),
  hstrlen: reads(3, ONE_KEY, (db, key, field) => hashAt(db, key).get(field)?.length ?? 0),
  hscan: reads(-3, ONE_KEY, (db, key, cursor, ...options) => {
    const scan = scanOptions(cursor, options)
    const page = scanCollection([...hashAt(db, key)], ([field]) => field, scan)
    return [page.cursor, page.items.flat()]
  }),
  hset: writes(-4, ONE_KEY, (db, key, ...args) => setFields(db, key, args, "hset")),
  hmset: writes(-4, ONE_KEY, (db, key, ...args) => {
    setFields(db, key, args, "hmset")
    return OK
  }),
  hsetnx: writes(4, ONE_KEY, (db, key, field, value) =>
    hashAt(db, key).has(field) ? 0 : setFields(db, key, [field, value], "hsetnx"),
  ),
  hdel: writes(-3, ONE_KEY, (db, key, ...fields) =>
    db.keyspace.update(key, HASH, (hash) => fields.filter((field) => hash.delete(field)).length),
  ),
  hincrby: writes(4, ONE_KEY, (db, key, field, amount) => {
    const increment = bigintOf(amount)
    const sum = hashInteger(hashAt(db, key).get(field) ?? "0") + increment
    if (BigInt.asIntN(64, sum) !== sum)
      throw new ErrorReply("ERR increment or decrement would overflow")
    setFields(db, key, [field, sum.toString()], "hincrby")
    return narrow(sum)
  }),
  hincrbyfloat: writes(4, ONE_KEY, (db, key, field, amount) => {
    const old = hashAt(db, key).get(field) ?? "0"
    const sum = addDecimals(old, amount, "ERR hash value is not a float")
    setFields(db, key, [field, sum], "hincrbyfloat")
    return sum
  }),
}

function setFields(db: Database, key: string, args: string[], command: string): number {
  if (args.length % 2 !== 0)
    throw new ErrorReply(`ERR wrong number of arguments for '${command}' command`)
  return db.keyspace.update(key, HASH, (hash) => {
    const before = hash.size
    for (const [field, value] of pairsOf(args)) hash.set(field, value)
    return hash.size - before
  })
}

function hashInteger(text: string): bigint {
  try {
    return bigintOf(text)
  } catch {
    throw new ErrorReply("ERR hash value is not an integer")
  }
}
