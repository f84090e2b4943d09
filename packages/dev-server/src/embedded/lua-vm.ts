// Runs scripts as Redis does, in its own Lua 5.1 VM.
import { LuaApi } from "wasmoon-lua5.1"
import { ErrorReply } from "../engine.js"
import { sha1 } from "../sha1.js"
import { BOOTSTRAP } from "./lua-bootstrap.js"
import { decode, encode } from "./lua-json.js"
import type { LuaModule } from "./lua-module.js"
import { find, findAll, type LuaFunction, match, rep } from "./lua-strings.js"
import { LuaStack, oneLine, TYPE } from "./lua-stack.js"
import { formatG } from "./number-text.js"
import type { Value } from "./reply-value.js"

/** Executes `redis.call` for the running script; an `ErrorReply` is thrown into it. */
export type HostCall = (command: readonly string[]) => Value

const REGISTRY = -10000
const RAISE = -1
const COUNT_HOOK = 8
/** Redis replies BUSY to others after this time. Here no one else would get any reply, so the script is ended. */
const TIME_LIMIT_MS = 5000
const CACHED_SCRIPTS = 500
/** A low number, since comparing or joining long text is one instruction and may take milliseconds. */
const INSTRUCTIONS_BETWEEN_CHECKS = 200
/** The limit for all Lua values together. A script that exceeds it gets Lua's "not enough memory". */
const MEMORY_LIMIT = 128 * 1024 * 1024
const GC_COLLECT = 2
const GC_KILOBYTES = 3
/** If a script leaves more than this, its garbage is collected at once. */
const TIDY_KILOBYTES = 32 * 1024

export class LuaVm {
  readonly #module: LuaModule
  readonly #stack: LuaStack
  readonly #L: number
  readonly #intoWorld: number
  readonly #run: number
  /** Compiled scripts by their SHA-1. */
  readonly #compiled = new Map<string, number>()
  #host: HostCall = () => null

  /** @param wasm the address of the machine; in Node it is beside the package's code */
  static async create(timeLimitMs = TIME_LIMIT_MS, wasm?: string): Promise<LuaVm> {
    const api = await LuaApi.initialize(wasm)
    // The package does not ship the types of its module.
    const module: unknown = api.module
    return new LuaVm(module as LuaModule, timeLimitMs)
  }

  private constructor(module: LuaModule, timeLimitMs: number) {
    this.#module = module
    this.#stack = new LuaStack(module, timeLimitMs)
    this.#L = module._lua_newstate(this.#limitedAllocator(), 0)
    module._luaL_openlibs(this.#L)
    const [intoWorld, run] = this.#bootstrap()
    this.#intoWorld = intoWorld
    this.#run = run
    const hook = module.addFunction((L: number) => {
      this.#endIfOverdue(L)
    }, "vii")
    module._lua_sethook(this.#L, hook, COUNT_HOOK, INSTRUCTIONS_BETWEEN_CHECKS)
  }

  /** The result of a script, or its error. `sha` identifies it, here and in its errors. */
  evaluate(
    source: string,
    sha: string,
    keys: readonly string[],
    argv: readonly string[],
    host: HostCall,
  ): Value {
    const m = this.#module
    const L = this.#L
    this.#host = host
    this.#stack.startTime()
    try {
      const script = this.#compiled.get(sha) ?? this.#compile(source, sha)
      if (typeof script !== "number") return script
      m._lua_rawgeti(L, REGISTRY, this.#run)
      m._lua_rawgeti(L, REGISTRY, script)
      this.#stack.pushTexts(L, keys)
      this.#stack.pushTexts(L, argv)
      if (m._lua_pcall(L, 3, 2, 0) !== 0) return new ErrorReply(`ERR ${this.#stack.textAt(L, -1)}`)
      return m._lua_toboolean(L, -2) === 1 ? this.#stack.valueAt(L, -1) : this.#errorAt(L, sha)
    } finally {
      m._lua_settop(L, 0)
      this.#tidy()
    }
  }

  /** Whether a script is well-formed. */
  check(source: string, sha: string): ErrorReply | undefined {
    if (this.#compiled.has(sha)) return undefined
    const compiled = this.#compile(source, sha)
    this.#module._lua_settop(this.#L, 0)
    return typeof compiled === "number" ? undefined : compiled
  }

  #compile(source: string, sha: string): number | ErrorReply {
    const m = this.#module
    const L = this.#L
    if (!this.#load(source, "@user_script")) {
      const problem = this.#stack.textAt(L, -1)
      return new ErrorReply(oneLine(`ERR Error compiling script (new function): ${problem}`))
    }
    m._lua_rawgeti(L, REGISTRY, this.#intoWorld)
    m._lua_pushvalue(L, -2)
    m._lua_pcall(L, 1, 1, 0)
    if (this.#compiled.size >= CACHED_SCRIPTS) this.#forget()
    const ref = m._luaL_ref(L, REGISTRY)
    this.#compiled.set(sha, ref)
    return ref
  }

  #forget(): void {
    for (const ref of this.#compiled.values()) this.#module._luaL_unref(this.#L, REGISTRY, ref)
    this.#compiled.clear()
  }

  #load(text: string, name: string): boolean {
    // Bytecode can break the VM. With a space in front it is read as text, and refused.
    const source = text.startsWith("\x1b") ? ` ${text}` : text
    return this.#stack.withBytes(source, (code) =>
      this.#stack.withBytes(
        name,
        (label) => this.#module._luaL_loadbuffer(this.#L, code, source.length, label) === 0,
      ),
    )
  }

  #bootstrap(): [intoWorld: number, run: number] {
    const m = this.#module
    const L = this.#L
    const loaded = this.#load(BOOTSTRAP, "@bootstrap")
    this.#pushFunction((_, state) => this.#call(state, true))
    this.#pushFunction((_, state) => this.#call(state, false))
    this.#pushFunction((stack, state) => {
      stack.pushText(state, sha1(stack.textAt(state, 1)))
      return 1
    })
    this.#pushFunction((stack, state) => {
      stack.pushText(state, encode(stack, state, 1))
      return 1
    })
    this.#pushFunction((stack, state) => {
      decode(stack, state, stack.textAt(state, 1))
      return 1
    })
    for (const body of [find, match, findAll, rep]) this.#pushFunction(body)
    this.#pushFunction((stack, state) => {
      m._lua_pushboolean(state, stack.isOver() ? 1 : 0)
      return 1
    })
    m._lua_pushlightuserdata(L, 0)
    if (!loaded || m._lua_pcall(L, 11, 2, 0) !== 0) throw new Error(this.#stack.textAt(L, -1))
    const run = m._luaL_ref(L, REGISTRY)
    return [m._luaL_ref(L, REGISTRY), run]
  }

  /** Pushes one of our functions. It returns the number of its results, or `RAISE` to throw its only one. */
  #pushFunction(body: LuaFunction): void {
    const pointer = this.#module.addFunction((L: number): number => {
      let count: number
      try {
        count = body(this.#stack, L)
      } catch (error) {
        // Other values are thrown by the VM when it is out of memory.
        const text =
          error instanceof Error ? error.message.replace(/^ERR /, "") : "not enough memory"
        this.#module._luaL_where(L, 1)
        this.#stack.pushText(L, text)
        this.#module._lua_concat(L, 2)
        count = RAISE
      }
      // Outside of the `try`: this throws an exception of the VM, which must not be caught.
      return count === RAISE ? this.#module._lua_error(L) : count
    }, "ii")
    this.#module._lua_pushcclosure(this.#L, pointer, 0)
  }

  /** Lua's allocator, with a limit. */
  #limitedAllocator(): number {
    const m = this.#module
    let used = 0
    const allocate = (_: number, pointer: number, oldSize: number, size: number): number => {
      const old = pointer === 0 ? 0 : oldSize
      if (size === 0) {
        m._free(pointer)
        used -= old
        return 0
      }
      if (size > old && used + size - old > MEMORY_LIMIT) return 0
      const moved = m._realloc(pointer, size)
      if (moved !== 0) used += size - old
      return moved
    }
    return m.addFunction(allocate, "iiiii")
  }

  /** Frees large garbage, so that the next script does not have less memory. */
  #tidy(): void {
    const m = this.#module
    if (m._lua_gc(this.#L, GC_KILOBYTES, 0) < TIDY_KILOBYTES) return
    m._lua_gc(this.#L, GC_COLLECT, 0)
    if (m._lua_gc(this.#L, GC_KILOBYTES, 0) < TIDY_KILOBYTES) return
    this.#forget()
    m._lua_gc(this.#L, GC_COLLECT, 0)
  }

  /** `redis.call`, which raises, and `redis.pcall`, which does not. */
  #call(L: number, raises: boolean): number {
    const command = this.#commandOn(L)
    const result = Array.isArray(command) ? this.#host(command) : command
    this.#stack.pushValue(L, result)
    return raises && result instanceof ErrorReply ? RAISE : 1
  }

  #commandOn(L: number): string[] | ErrorReply {
    const m = this.#module
    const command: string[] = []
    for (let i = 1; i <= m._lua_gettop(L); i++) {
      const type = m._lua_type(L, i)
      if (type === TYPE.string) command.push(this.#stack.textAt(L, i))
      else if (type === TYPE.number) command.push(formatG(m._lua_tonumber(L, i), 17))
      else return new ErrorReply("ERR Lua redis lib command arguments must be strings or integers")
    }
    if (command.length > 0) return command
    return new ErrorReply("ERR Please specify at least one argument for this redis lib call")
  }

  /** The error on top of the stack, with its position in the script, in Redis 7's form. */
  #errorAt(L: number, sha: string): ErrorReply {
    // An error that is not a table bypassed the function that creates the table, such as "not enough memory".
    if (this.#module._lua_type(L, -1) !== TYPE.table)
      return new ErrorReply(oneLine(`ERR ${this.#stack.textAt(L, -1)}`))
    const text = this.#stack.fieldAt(L, -1, "err") ?? "ERR unknown error"
    const source = this.#stack.fieldAt(L, -1, "source")
    const line = this.#stack.fieldAt(L, -1, "line")
    const place = source && line ? ` script: ${sha}, on ${source}:${line}.` : ""
    return new ErrorReply(oneLine(text + place))
  }

  #endIfOverdue(L: number): void {
    if (!this.#stack.isOver()) return
    this.#stack.pushText(L, this.#stack.overdue)
    this.#module._lua_error(L)
  }
}
