// The embedded engine's commands on ranges of sorted sets: by rank, by score, by member.
import { ErrorReply } from "../engine.js"
import { at, floatOf, integerOf, sliceOf, syntaxError } from "./arguments.js"
import {
  type Database,
  type Definition,
  type Definitions,
  ONE_KEY,
  reads,
  writes,
} from "./definition.js"
import { ZSET } from "./keyspace.js"
import type { Value } from "./reply-value.js"
import type { Member } from "./sorted-set.js"
import { sortedSetAt, withScores } from "./sorted-set-commands.js"

type By = "rank" | "score" | "lex"

interface RangeOptions {
  by: By
  reverse: boolean
  scores: boolean
  limit?: { readonly offset: number; readonly count: number }
}

export const sortedSetRanges: Definitions = {
  zrange: reads(-4, ONE_KEY, (db, key, start, stop, ...words) =>
    range(db, key, start, stop, readOptions(words, true)),
  ),
  zrevrange: ranges("rank", true),
  zrangebyscore: ranges("score", false),
  zrevrangebyscore: ranges("score", true),
  zrangebylex: ranges("lex", false),
  zrevrangebylex: ranges("lex", true),
  zcount: reads(4, ONE_KEY, (db, key, min, max) => between(db, key, "score", min, max).length),
  zlexcount: reads(4, ONE_KEY, (db, key, min, max) => between(db, key, "lex", min, max).length),
  zremrangebyrank: removes("rank"),
  zremrangebyscore: removes("score"),
  zremrangebylex: removes("lex"),
}

function ranges(by: By, reverse: boolean): Definition {
  return reads(-4, ONE_KEY, (db, key, start, stop, ...words) =>
    range(db, key, start, stop, { ...readOptions(words, false), by, reverse }),
  )
}

function removes(by: By): Definition {
  return writes(4, ONE_KEY, (db, key, start, stop) => {
    const doomed = between(db, key, by, start, stop)
    db.keyspace.update(key, ZSET, (set) => {
      for (const { name } of doomed) set.delete(name)
    })
    return doomed.length
  })
}

function range(db: Database, key: string, start: string, stop: string, o: RangeOptions): Value {
  if (o.limit && o.by === "rank") {
    throw new ErrorReply(
      "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
    )
  }
  if (o.scores && o.by === "lex") {
    throw new ErrorReply("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
  }
  let found = select(db, key, start, stop, o)
  if (o.limit) {
    const { offset, count } = o.limit
    found = offset < 0 ? [] : found.slice(offset, count < 0 ? undefined : offset + count)
  }
  return o.scores ? withScores(found) : found.map(({ name }) => name)
}

function select(db: Database, key: string, start: string, stop: string, o: RangeOptions): Member[] {
  if (!o.reverse) return between(db, key, o.by, start, stop)
  if (o.by !== "rank") return between(db, key, o.by, stop, start).reverse()
  return sliceOf([...sortedSetAt(db, key).members].reverse(), integerOf(start), integerOf(stop))
}

/** The members of a range, lowest first. */
function between(db: Database, key: string, by: By, min: string, max: string): Member[] {
  if (by === "rank") {
    const [start, stop] = [integerOf(min), integerOf(max)]
    return sliceOf(sortedSetAt(db, key).members, start, stop)
  }
  const [above, below] =
    by === "score"
      ? [scoreBound(min, 1), scoreBound(max, -1)]
      : [lexBound(min, 1), lexBound(max, -1)]
  return sortedSetAt(db, key).members.filter((member) => above(member) && below(member))
}

type Bound = (member: Member) => boolean

/** `side` is 1 for a lower bound and -1 for an upper one. */
function scoreBound(text: string, side: 1 | -1): Bound {
  const open = text.startsWith("(")
  const bound = floatOf(open ? text.slice(1) : text, "ERR min or max is not a float")
  return ({ score }) => (score === bound ? !open : score > bound === (side === 1))
}

function lexBound(text: string, side: 1 | -1): Bound {
  if (text === "-" || text === "+") return () => (text === "-") === (side === 1)
  if (!/^[[(]/.test(text)) throw new ErrorReply("ERR min or max not valid string range item")
  const open = text.startsWith("(")
  const bound = text.slice(1)
  return ({ name }) => (name === bound ? !open : name > bound === (side === 1))
}

function readOptions(words: readonly string[], isZrange: boolean): RangeOptions {
  const options: RangeOptions = { by: "rank", reverse: false, scores: false }
  for (let i = 0; i < words.length; i++) {
    const word = words[i]?.toUpperCase()
    if (word === "WITHSCORES") options.scores = true
    else if (word === "LIMIT") {
      options.limit = { offset: integerOf(at(words, ++i)), count: integerOf(at(words, ++i)) }
    } else if (isZrange && word === "REV") options.reverse = true
    else if (isZrange && word === "BYSCORE") options.by = "score"
    else if (isZrange && word === "BYLEX") options.by = "lex"
    else throw syntaxError()
  }
  return options
}
