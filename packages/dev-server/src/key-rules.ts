// The positions of a command's keys among its arguments, read from Redis's COMMAND.
import type { Reply } from "./engine.js"

/**
 * How to find keys, one string per rule. `r first,last,step,limit`: a range of positions. `n position,offset`: the number
 * of keys is the argument at that position. `k WORD,last,step,limit`: a range after a word. The command's name has
 * position 0.
 */
export interface CommandKeys {
  /** Lower case; a subcommand is `object|encoding`. */
  readonly name: string
  readonly rules: string
}

export function readKeyRules(reply: Reply): CommandKeys[] {
  return list(reply).flatMap((entry) => {
    const fields = list(entry)
    const specs = fields[8]
    const own = {
      name: text(fields[0]),
      rules: specs === undefined ? legacyRule(fields) : specRules(specs),
    }
    return [own, ...readKeyRules(fields[9] ?? [])]
  })
}

/** Before Redis 7, COMMAND tells only the first key, the last and the step. */
function legacyRule(fields: readonly Reply[]): string {
  const [first, last, step] = [number(fields[3]), number(fields[4]), number(fields[5])]
  return first === 0 ? "" : `r${first},${last < 0 ? last : last - first},${step},0`
}

function specRules(specs: Reply): string {
  const rules = list(specs).map((spec) => {
    const fields = record(spec)
    if (list(fields.get("flags") ?? []).some((flag) => text(flag) === "not_key")) return ""
    const begin = record(fields.get("begin_search") ?? [])
    const find = record(fields.get("find_keys") ?? [])
    return oneRule(
      text(begin.get("type")),
      record(begin.get("spec") ?? []),
      text(find.get("type")),
      record(find.get("spec") ?? []),
    )
  })
  return rules.filter(Boolean).join(";")
}

type Fields = ReadonlyMap<string, Reply>

function oneRule(beginType: string, begin: Fields, findType: string, find: Fields): string {
  const range = () =>
    ["lastkey", "keystep", "limit"].map((field) => number(find.get(field))).join(",")
  if (beginType === "index" && findType === "range")
    return `r${number(begin.get("index"))},${range()}`
  if (beginType === "keyword" && findType === "range")
    return `k${text(begin.get("keyword"))},${range()}`
  if (beginType === "index" && findType === "keynum") {
    const index = number(begin.get("index"))
    return `n${index + number(find.get("keynumidx"))},${number(find.get("firstkey"))}`
  }
  return ""
}

function list(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? (reply as readonly Reply[]) : []
}

function text(reply: Reply | undefined): string {
  return reply instanceof Uint8Array ? reply.toString() : ""
}

function number(reply: Reply | undefined): number {
  return typeof reply === "number" ? reply : 0
}

/** A map, which RESP2 sends as a flat list. */
function record(reply: Reply): Fields {
  const items = list(reply)
  return new Map(
    items.flatMap((item, i) => (i % 2 === 0 ? [[text(item), items[i + 1] ?? null]] : [])),
  )
}
