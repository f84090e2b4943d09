// The string functions of scripts that need limits: `find`, `match`, `rep`, and the base of `gsub` and `gmatch`.
import type { LuaStack } from "./lua-stack.js"
import { type Capture, LuaPattern, type Match } from "./lua-patterns.js"

/** One of our functions, as Lua calls it. Returns the number of results on the stack. */
export type LuaFunction = (stack: LuaStack, L: number) => number

const SPECIALS = /[\^$*+?.([%-]/
const MAX_STRING = 32 * 1024 * 1024

/** `string.find(s, pattern, init, plain)` */
export const find: LuaFunction = (stack, L) => {
  const [source, pattern] = [stack.stringArgument(L, 1), stack.stringArgument(L, 2)]
  const init = startOf(stack, L, source)
  const m = stack.module
  if (m._lua_toboolean(L, 4) === 1 || !SPECIALS.test(pattern.split("\0", 1)[0] ?? "")) {
    const start = source.indexOf(pattern, init)
    return start < 0 ? pushNil(stack, L) : pushAll(stack, L, [start + 1, start + pattern.length])
  }
  const found = new LuaPattern(pattern, stack.checkTime).find(source, init)
  if (!found) return pushNil(stack, L)
  return pushAll(stack, L, [found.start + 1, found.end, ...found.captures])
}

/** `string.match(s, pattern, init)` */
export const match: LuaFunction = (stack, L) => {
  const [source, pattern] = [stack.stringArgument(L, 1), stack.stringArgument(L, 2)]
  const found = new LuaPattern(pattern, stack.checkTime).find(source, startOf(stack, L, source))
  return found ? pushAll(stack, L, capturesOf(found, source)) : pushNil(stack, L)
}

/** `(s, pattern, limit, may it be anchored)`: a table of `{start, end, captures…}`. */
export const findAll: LuaFunction = (stack, L) => {
  const m = stack.module
  const [source, pattern] = [stack.stringArgument(L, 1), stack.stringArgument(L, 2)]
  const mayAnchor = m._lua_toboolean(L, 4) === 1
  const limit = m._lua_tonumber(L, 3)
  const matches = new LuaPattern(pattern, stack.checkTime, mayAnchor).findAll(source, limit)
  m._lua_createtable(L, matches.length, 0)
  matches.forEach((found, i) => {
    const fields = [found.start + 1, found.end, ...capturesOf(found, source)]
    m._lua_createtable(L, fields.length, 0)
    fields.forEach((field, j) => {
      pushAll(stack, L, [field])
      m._lua_rawseti(L, -2, j + 1)
    })
    m._lua_rawseti(L, -2, i + 1)
  })
  return 1
}

/** `string.rep(s, n)` */
export const rep: LuaFunction = (stack, L) => {
  const text = stack.stringArgument(L, 1)
  const count = Math.max(0, Math.trunc(stack.numberArgument(L, 2)))
  if (text.length * count > MAX_STRING) throw new RangeError("resulting string too large")
  return pushAll(stack, L, [text === "" ? "" : text.repeat(count)])
}

/** Without captures, the whole match is the only one. */
function capturesOf({ start, end, captures }: Match, source: string): readonly Capture[] {
  return captures.length === 0 ? [source.slice(start, end)] : captures
}

/** The third argument, which may count from the end, as a position counted from 0. */
function startOf(stack: LuaStack, L: number, source: string): number {
  if (stack.module._lua_type(L, 3) <= 0) return 0
  const init = Math.trunc(stack.numberArgument(L, 3))
  const from = init < 0 ? init + source.length : init - 1
  return Math.min(Math.max(from, 0), source.length)
}

function pushAll(stack: LuaStack, L: number, values: readonly Capture[]): number {
  stack.module._lua_checkstack(L, values.length + 4)
  for (const value of values) {
    if (typeof value === "number") stack.module._lua_pushnumber(L, value)
    else stack.pushText(L, value)
  }
  return values.length
}

function pushNil(stack: LuaStack, L: number): number {
  stack.module._lua_settop(L, stack.module._lua_gettop(L) + 1)
  return 1
}
