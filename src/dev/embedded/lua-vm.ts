// Runs scripts as Redis does, in a Lua 5.1 VM of its own.
import { createHash } from "node:crypto"
import { LuaApi } from "wasmoon-lua5.1"
import { ErrorReply } from "../engine.js"
import { BOOTSTRAP } from "./lua-bootstrap.js"
import { decode, encode } from "./lua-json.js"
import type { LuaModule } from "./lua-module.js"
import { LuaStack, oneLine, OVERDUE, TIME_LIMIT_MS, TYPE } from "./lua-stack.js"
import { formatG } from "./number-text.js"
import type { Value } from "./reply-value.js"

/** Does `redis.call` for the script that runs; an `ErrorReply` is thrown into it. */
export type HostCall = (command: readonly string[]) => Value

const REGISTRY = -10000
const COUNT_HOOK = 8
const CACHED_SCRIPTS = 500

export class LuaVm {
  readonly #module: LuaModule
  readonly #stack: LuaStack
  readonly #L: number
  readonly #intoWorld: number
  readonly #run: number
  /** Compiled scripts by their SHA-1. */
  readonly #compiled = new Map<string, number>()
  #host: HostCall = () => null

  static async create(): Promise<LuaVm> {
    const api = await LuaApi.initialize()
    // The package does not ship the types of its module.
    const module: unknown = api.module
    return new LuaVm(module as LuaModule)
  }

  private constructor(module: LuaModule) {
    this.#module = module
    this.#stack = new LuaStack(module)
    this.#L = module._luaL_newstate()
    module._luaL_openlibs(this.#L)
    const [intoWorld, run] = this.#bootstrap()
    this.#intoWorld = intoWorld
    this.#run = run
    const hook = module.addFunction((L: number) => {
      this.#endIfOverdue(L)
    }, "vii")
    module._lua_sethook(this.#L, hook, COUNT_HOOK, 1_000_000)
  }

  /** What a script returns, or the error it ends with. `sha` names it, here and in its errors. */
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
    this.#stack.deadlineMs = performance.now() + TIME_LIMIT_MS
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

  #load(source: string, name: string): boolean {
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
    this.#pushFunction((state) => this.#call(state, true))
    this.#pushFunction((state) => this.#call(state, false))
    this.#pushFunction((state) => {
      this.#stack.pushText(state, sha1(this.#stack.textAt(state, 1)))
      return false
    })
    this.#pushFunction((state) => {
      this.#stack.pushText(state, encode(this.#stack, state, 1))
      return false
    })
    this.#pushFunction((state) => {
      decode(this.#stack, state, this.#stack.textAt(state, 1))
      return false
    })
    m._lua_pushlightuserdata(L, 0)
    if (!loaded || m._lua_pcall(L, 6, 2, 0) !== 0) throw new Error(this.#stack.textAt(L, -1))
    const run = m._luaL_ref(L, REGISTRY)
    return [m._luaL_ref(L, REGISTRY), run]
  }

  /** Pushes a function of ours. It leaves one value on the stack and says whether that is to be thrown. */
  #pushFunction(body: (L: number) => boolean): void {
    const pointer = this.#module.addFunction((L: number): number => {
      let raises: boolean
      try {
        raises = body(L)
      } catch (error) {
        this.#stack.pushText(L, error instanceof Error ? error.message : String(error))
        raises = true
      }
      // Outside of the `try`: this leaves by an exception of the VM's own, which must not be caught.
      return raises ? this.#module._lua_error(L) : 1
    }, "ii")
    this.#module._lua_pushcclosure(this.#L, pointer, 0)
  }

  /** `redis.call`, which raises, and `redis.pcall`, which does not. */
  #call(L: number, raises: boolean): boolean {
    const command = this.#commandOn(L)
    const result = Array.isArray(command) ? this.#host(command) : command
    this.#stack.pushValue(L, result)
    return raises && result instanceof ErrorReply
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

  /** The error on top of the stack, with the place it was thrown at, in Redis 7's form. */
  #errorAt(L: number, sha: string): ErrorReply {
    const text = this.#stack.fieldAt(L, -1, "err") ?? "ERR unknown error"
    const source = this.#stack.fieldAt(L, -1, "source")
    const line = this.#stack.fieldAt(L, -1, "line")
    const place = source && line ? ` script: ${sha}, on ${source}:${line}.` : ""
    return new ErrorReply(oneLine(text + place))
  }

  #endIfOverdue(L: number): void {
    if (performance.now() < this.#stack.deadlineMs) return
    this.#stack.pushText(L, OVERDUE)
    this.#module._lua_error(L)
  }
}

export function sha1(source: string): string {
  return createHash("sha1").update(source, "latin1").digest("hex")
}
