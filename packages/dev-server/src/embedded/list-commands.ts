// The embedded engine's commands on lists.
import { ErrorReply } from "../engine.js"
import { at, integerOf, sliceOf, syntaxError } from "./arguments.js"
import {
  type Database,
  type Definition,
  type Definitions,
  ONE_KEY,
  reads,
  TWO_KEYS,
  writes,
} from "./definition.js"
import { LIST } from "./keyspace.js"
import { OK, type Value } from "./reply-value.js"

type End = "LEFT" | "RIGHT"

const listAt = (db: Database, key: string): readonly string[] => db.keyspace.get(key, LIST) ?? []

export const listCommands: Definitions = {
  llen: reads(2, ONE_KEY, (db, key) => listAt(db, key).length),
  lrange: reads(4, ONE_KEY, (db, key, start, stop) =>
    sliceOf(listAt(db, key), integerOf(start), integerOf(stop)),
  ),
  lindex: reads(3, ONE_KEY, (db, key, index) => listAt(db, key).at(integerOf(index)) ?? null),
  lpush: pushes("LEFT", false),
  rpush: pushes("RIGHT", false),
  lpushx: pushes("LEFT", true),
  rpushx: pushes("RIGHT", true),
  lpop: pops("LEFT"),
  rpop: pops("RIGHT"),
  lmove: writes(5, TWO_KEYS, (db, from, to, source, target) =>
    move(db, from, to, endOf(source), endOf(target)),
  ),
  rpoplpush: writes(3, TWO_KEYS, (db, from, to) => move(db, from, to, "RIGHT", "LEFT")),
  lset: writes(4, ONE_KEY, (db, key, indexText, value) => {
    if (!db.keyspace.has(key)) throw new ErrorReply("ERR no such key")
    return db.keyspace.update(key, LIST, (list) => {
      const index = integerOf(indexText)
      const place = index < 0 ? index + list.length : index
      if (place < 0 || place >= list.length) throw new ErrorReply("ERR index out of range")
      list[place] = value
      return OK
    })
  }),
  ltrim: writes(4, ONE_KEY, (db, key, start, stop) => {
    const kept = sliceOf(listAt(db, key), integerOf(start), integerOf(stop))
    return db.keyspace.update(key, LIST, (list) => {
      list.splice(0, list.length, ...kept)
      return OK
    })
  }),
  lrem: writes(4, ONE_KEY, (db, key, countText, value) => {
    const count = integerOf(countText)
    return db.keyspace.update(key, LIST, (list) => removeFrom(list, count, value))
  }),
  linsert: writes(5, ONE_KEY, (db, key, where, pivot, value) => {
    if (!/^(before|after)$/i.test(where)) throw syntaxError()
    return db.keyspace.update(key, LIST, (list) => {
      if (list.length === 0) return 0
      const place = list.indexOf(pivot)
      if (place < 0) return -1
      list.splice(/^before$/i.test(where) ? place : place + 1, 0, value)
      return list.length
    })
  }),
}

function pushes(end: End, onlyIfExists: boolean): Definition {
  return writes(-3, ONE_KEY, (db, key, ...values) =>
    db.keyspace.update(key, LIST, (list) => {
      if (onlyIfExists && list.length === 0) return 0
      return end === "LEFT" ? list.unshift(...values.reverse()) : list.push(...values)
    }),
  )
}

function pops(end: End): Definition {
  return writes(-2, ONE_KEY, (db, key, ...rest): Value => {
    if (rest.length > 1)
      throw new ErrorReply(
        `ERR wrong number of arguments for '${end === "LEFT" ? "l" : "r"}pop' command`,
      )
    const count = rest.length === 0 ? undefined : integerOf(at(rest, 0))
    if (count !== undefined && count < 0)
      throw new ErrorReply("ERR value is out of range, must be positive")
    if (listAt(db, key).length === 0) return null
    return db.keyspace.update(key, LIST, (list) => {
      const take = Math.min(count ?? 1, list.length)
      const taken =
        end === "LEFT" ? list.splice(0, take) : list.splice(list.length - take, take).reverse()
      return count === undefined ? at(taken, 0) : taken
    })
  })
}

function move(db: Database, from: string, to: string, source: End, target: End): Value {
  if (listAt(db, from).length === 0) return null
  // Checked before an element is removed: it must not be lost if the target has the wrong type.
  listAt(db, to)
  const element =
    db.keyspace.update(from, LIST, (l) => (source === "LEFT" ? l.shift() : l.pop())) ?? ""
  db.keyspace.update(to, LIST, (l) => (target === "LEFT" ? l.unshift(element) : l.push(element)))
  return element
}

function endOf(word: string): End {
  const end = word.toUpperCase()
  if (end !== "LEFT" && end !== "RIGHT") throw syntaxError()
  return end
}

/** Removes the first `count` (the last ones if negative, all if 0) elements that equal the value. */
function removeFrom(list: string[], count: number, value: string): number {
  const places = list.flatMap((item, i) => (item === value ? [i] : []))
  const chosen = count > 0 ? places.slice(0, count) : count < 0 ? places.slice(count) : places
  for (const place of chosen.reverse()) list.splice(place, 1)
  return chosen.length
}
