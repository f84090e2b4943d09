// Moves values between JavaScript and the stack of a Lua 5.1 VM. Text is bytes on both sides.
import { latin1Of, writeLatin1 } from "../bytes.js"
import { ErrorReply } from "../engine.js"
import type { LuaModule } from "./lua-module.js"
import { formatG } from "./number-text.js"
import { Status, type Value } from "./reply-value.js"

export const TYPE = { boolean: 1, lightUserdata: 2, number: 3, string: 4, table: 5 } as const

/** Redis also has a limit: its Lua stack. */
const MAX_DEPTH = 500
/** A limit, since a table that contains another one twice, and so on, doubles with each level. */
const MAX_VALUES = 1_000_000

export class LuaStack {
  readonly module: LuaModule
  /** The address at which `lua_tolstring` stores a length. */
  readonly #length: number
  /** The names of fields that are read from every table, as allocated C strings. */
  readonly #names = new Map<string, number>()
  #valuesLeft = 0
  readonly #timeLimitMs: number
  /** The end of the script's time, including its reply, by `performance.now()`. */
  #deadlineMs = Infinity

  constructor(module: LuaModule, timeLimitMs: number) {
    this.module = module
    this.#timeLimitMs = timeLimitMs
    this.#length = module._malloc(4)
  }

  /** Passes text to a C function, as a temporary copy. */
  withBytes<T>(text: string, use: (pointer: number) => T): T {
    const pointer = this.module._malloc(text.length + 1)
    try {
      // The heap may move when it grows, so it is read again each time.
      const bytes = this.module.HEAPU8
      writeLatin1(text, bytes, pointer)
      bytes[pointer + text.length] = 0
      return use(pointer)
    } finally {
      this.module._free(pointer)
    }
  }

  pushText(L: number, text: string): void {
    this.withBytes(text, (pointer) => {
      this.module._lua_pushlstring(L, pointer, text.length)
    })
  }

  /** The text on the stack. A number is converted to text in place. */
  textAt(L: number, index: number): string {
    const pointer = this.module._lua_tolstring(L, index, this.#length)
    const length = this.module.HEAPU32[this.#length >>> 2] ?? 0
    return latin1Of(this.module.HEAPU8.subarray(pointer, pointer + length))
  }

  pushTexts(L: number, texts: readonly string[]): void {
    this.module._lua_createtable(L, texts.length, 0)
    texts.forEach((text, i) => {
      this.pushText(L, text)
      this.module._lua_rawseti(L, -2, i + 1)
    })
  }

  /** Pushes a reply as `redis.call` returns it to a script. */
  pushValue(L: number, value: Value): void {
    const m = this.module
    m._lua_checkstack(L, 8)
    if (typeof value === "string") this.pushText(L, value)
    else if (typeof value === "number" || typeof value === "bigint")
      m._lua_pushnumber(L, Number(value))
    else if (value === null) m._lua_pushboolean(L, 0)
    else if (value instanceof Status) this.#pushField(L, "ok", value.text)
    else if (value instanceof ErrorReply) this.#pushField(L, "err", value.message)
    else {
      m._lua_createtable(L, value.length, 0)
      value.forEach((item, i) => {
        this.pushValue(L, item)
        m._lua_rawseti(L, -2, i + 1)
      })
    }
  }

  /**
   * The return value of a script, converted to a reply as in Redis: fractions are cut off, false is null, true is 1.
   * @throws ErrorReply if it is nested too deep (or contains itself) or has too many items.
   */
  valueAt(L: number, index: number): Value {
    this.#valuesLeft = MAX_VALUES
    return this.#valueAt(L, index, 0)
  }

  #valueAt(L: number, index: number, depth: number): Value {
    const m = this.module
    this.checkTime(--this.#valuesLeft)
    if (this.#valuesLeft < 0)
      throw new ErrorReply(`ERR the script's reply has more than ${MAX_VALUES} values`)
    if (depth > MAX_DEPTH || m._lua_checkstack(L, 8) === 0)
      throw new ErrorReply("ERR reached lua stack limit")
    switch (m._lua_type(L, index)) {
      case TYPE.string:
        return this.textAt(L, index)
      case TYPE.number:
        return toInteger(m._lua_tonumber(L, index))
      case TYPE.boolean:
        return m._lua_toboolean(L, index) === 1 ? 1 : null
      case TYPE.table:
        return this.#tableAt(L, index, depth)
      default:
        return null
    }
  }

  /** A field of the table at `index`, if it is text. */
  fieldAt(L: number, index: number, name: string): string | undefined {
    return this.#withField(L, index, name, (type) =>
      type === TYPE.string || type === TYPE.number ? this.textAt(L, -1) : undefined,
    )
  }

  /** Checks the time for one in a thousand values. @throws ErrorReply if the script's time is over. */
  readonly checkTime = (count: number): void => {
    if (count % 1000 === 0 && this.isOver()) throw new ErrorReply(`ERR ${this.overdue}`)
  }

  /** Called when a script begins. */
  startTime(): void {
    this.#deadlineMs = performance.now() + this.#timeLimitMs
  }

  isOver(): boolean {
    return performance.now() > this.#deadlineMs
  }

  /** The message for a script that took too long. */
  get overdue(): string {
    return `the script ran for more than ${this.#timeLimitMs} ms and was ended`
  }

  /** An argument of one of our functions. @throws TypeError with Lua's message */
  stringArgument(L: number, index: number): string {
    const type = this.module._lua_type(L, index)
    if (type === TYPE.string || type === TYPE.number) return this.textAt(L, index)
    throw new TypeError(`bad argument #${index} (string expected, got ${typeName(type)})`)
  }

  numberArgument(L: number, index: number): number {
    const type = this.module._lua_type(L, index)
    const number = this.module._lua_tonumber(L, index)
    const isNumber =
      type === TYPE.number ||
      (type === TYPE.string && (number !== 0 || /^\s*[+-]?0/.test(this.textAt(L, index))))
    if (isNumber) return number
    throw new TypeError(`bad argument #${index} (number expected, got ${typeName(type)})`)
  }

  #tableAt(L: number, index: number, depth: number): Value {
    const m = this.module
    m._lua_pushvalue(L, index)
    try {
      const error = this.fieldAt(L, -1, "err")
      if (error !== undefined) return new ErrorReply(oneLine(error))
      const status = this.fieldAt(L, -1, "ok")
      if (status !== undefined) return new Status(oneLine(status))
      const double = this.#withField(L, -1, "double", (type) =>
        type === TYPE.number ? m._lua_tonumber(L, -1) : undefined,
      )
      return double === undefined ? this.#itemsAt(L, depth) : formatG(double, 17)
    } finally {
      m._lua_settop(L, -2)
    }
  }

  /** The items of the table on top, up to the first nil. */
  #itemsAt(L: number, depth: number): Value[] {
    const items: Value[] = []
    for (;;) {
      this.module._lua_rawgeti(L, -1, items.length + 1)
      const isNil = this.module._lua_type(L, -1) <= 0
      if (!isNil) items.push(this.#valueAt(L, -1, depth + 1))
      this.module._lua_settop(L, -2)
      if (isNil) return items
    }
  }

  #withField<T>(L: number, index: number, name: string, read: (type: number) => T): T {
    const m = this.module
    m._lua_pushvalue(L, index)
    m._lua_pushlstring(L, this.#nameOf(name), name.length)
    m._lua_rawget(L, -2)
    try {
      return read(m._lua_type(L, -1))
    } finally {
      m._lua_settop(L, -3)
    }
  }

  #nameOf(name: string): number {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const pointer = this.module._malloc(name.length)
    writeLatin1(name, this.module.HEAPU8, pointer)
    this.#names.set(name, pointer)
    return pointer
  }

  #pushField(L: number, name: string, text: string): void {
    this.module._lua_createtable(L, 0, 1)
    this.pushText(L, name)
    this.pushText(L, text)
    this.module._lua_rawset(L, -3)
  }
}

/** A reply's error or status is one line in RESP. */
export function oneLine(text: string): string {
  return text.replace(/[\r\n]/g, " ")
}

function toInteger(value: number): number | bigint {
  const whole = Math.trunc(value)
  if (Number.isSafeInteger(whole)) return whole + 0
  return Number.isFinite(whole) ? BigInt.asIntN(64, BigInt(whole)) : BigInt.asIntN(64, 1n << 63n)
}

/** Lua's names of its types, beginning with type -1. */
const TYPE_NAMES = [
  "no value",
  "nil",
  "boolean",
  "userdata",
  "number",
  "string",
  "table",
  "function",
]

function typeName(type: number): string {
  return TYPE_NAMES[type + 1] ?? "userdata"
}
