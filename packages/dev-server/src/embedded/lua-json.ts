// `cjson` for scripts of the embedded engine: converts JSON to Lua values and back, as lua-cjson does.
import { bytesOf } from "../bytes.js"
import { formatG } from "./number-text.js"
import { toBytes } from "./reply-value.js"
import { type LuaStack, TYPE } from "./lua-stack.js"

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "/": "\\/",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
}

/** Pushes the value of the JSON. @throws SyntaxError */
export function decode(stack: LuaStack, L: number, json: string): void {
  push(stack, L, JSON.parse(bytesOf(json, "latin1").toString()))
}

/** A limit, since a table that contains another one twice, and so on, doubles with each level. */
const MAX_VALUES = 1_000_000

/** The value at `index` as JSON. @throws TypeError if JSON cannot express it, or if it is too large. */
export function encode(stack: LuaStack, L: number, index: number): string {
  return encodeValue(stack, L, index, 0, { values: MAX_VALUES })
}

/** The number of values that are still allowed. */
interface Budget {
  values: number
}

function encodeValue(
  stack: LuaStack,
  L: number,
  index: number,
  depth: number,
  left: Budget,
): string {
  const m = stack.module
  stack.checkTime(--left.values)
  if (left.values < 0) throw new TypeError("Cannot serialise, excessive number of values")
  if (depth > 1000) throw new TypeError("Cannot serialise, excessive depth (1001)")
  m._lua_checkstack(L, 8)
  switch (m._lua_type(L, index)) {
    case TYPE.string:
      return quote(stack.textAt(L, index))
    case TYPE.number:
      return encodeNumber(m._lua_tonumber(L, index))
    case TYPE.boolean:
      return m._lua_toboolean(L, index) === 1 ? "true" : "false"
    case TYPE.table:
      m._lua_pushvalue(L, index)
      try {
        return encodeTable(stack, L, depth, left)
      } finally {
        m._lua_settop(L, -2)
      }
    case TYPE.lightUserdata:
    case 0:
      return "null"
    default:
      throw new TypeError("Cannot serialise this type: type not supported")
  }
}

function push(stack: LuaStack, L: number, value: unknown): void {
  const m = stack.module
  m._lua_checkstack(L, 8)
  if (typeof value === "string") stack.pushText(L, toBytes(value))
  else if (typeof value === "number") m._lua_pushnumber(L, value)
  else if (typeof value === "boolean") m._lua_pushboolean(L, value ? 1 : 0)
  else if (value === null || typeof value !== "object") m._lua_pushlightuserdata(L, 0)
  else {
    m._lua_createtable(L, 0, 0)
    for (const [key, item] of Object.entries(value)) {
      if (Array.isArray(value)) m._lua_pushnumber(L, Number(key) + 1)
      else stack.pushText(L, toBytes(key))
      push(stack, L, item)
      m._lua_rawset(L, -3)
    }
  }
}

/** The table on top of the stack: an array if all its keys are positive integers, and not too sparse. */
function encodeTable(stack: LuaStack, L: number, depth: number, left: Budget): string {
  const m = stack.module
  const fields: string[] = []
  const items: string[] = []
  pushNil(stack, L)
  while (m._lua_next(L, -2) !== 0) {
    const isNumber = m._lua_type(L, -2) === TYPE.number
    const number = isNumber ? m._lua_tonumber(L, -2) : Number.NaN
    const value = encodeValue(stack, L, -1, depth + 1, left)
    if (Number.isInteger(number) && number > 0) items[number - 1] = value
    // Not lua_tolstring on the key itself, which would change it and confuse lua_next.
    const key = isNumber ? formatG(number, 14) : stack.textAt(L, -2)
    fields.push(`${quote(key)}:${value}`)
    m._lua_settop(L, -2)
  }
  const present = Object.keys(items).length
  if (present === 0 || present < fields.length) return `{${fields.join(",")}}`
  if (items.length > 10 && items.length > present * 2)
    throw new TypeError("Cannot serialise table: excessively sparse array")
  return `[${Array.from(items, (item: string | undefined) => item ?? "null").join(",")}]`
}

function pushNil(stack: LuaStack, L: number): void {
  stack.module._lua_settop(L, stack.module._lua_gettop(L) + 1)
}

function encodeNumber(value: number): string {
  if (!Number.isFinite(value))
    throw new TypeError("Cannot serialise number: must not be NaN or Inf")
  return formatG(value, 14)
}

function quote(text: string): string {
  // eslint-disable-next-line no-control-regex -- JSON forbids control characters inside strings.
  return `"${text.replace(/["\\/\x00-\x1f\x7f]/g, escape)}"`
}

function escape(char: string): string {
  return ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`
}
