// EVAL, EVALSHA, their read-only forms and SCRIPT for the embedded engine.
import { ErrorReply } from "../engine.js"
import { readEval } from "../eval-arguments.js"
import { needsConnection } from "../rest-commands.js"
import { DYNAMIC_KEY, readScriptFlags } from "../script-flags.js"
import { call, count, findCommand, toErrorReply, unsupported, wrongArity } from "./call.js"
import { sha1 } from "../sha1.js"
import { standingOf } from "../upstash-commands.js"
import { type Database, hasArity, keysAmong } from "./definition.js"
import type { LuaVm } from "./lua-vm.js"
import { OK, type Value } from "./reply-value.js"

const NAMES = new Set(["eval", "eval_ro", "evalsha", "evalsha_ro", "script"])
const NEVER_IN_SCRIPTS = /^(eval|evalsha)(_ro)?$|^(script|config)$/i

const REMEMBERED_DIGESTS = 500

/** The limits of a script. */
interface Limits {
  readonly readOnly: boolean
  /** The keys that it may touch; undefined: any. */
  readonly keys: ReadonlySet<string> | undefined
}

export class ScriptCommands {
  readonly #db: Database
  readonly #vm: LuaVm
  /** Scripts by the SHA-1 of their original text. */
  readonly #sources = new Map<string, string>()
  /** The SHA-1 of scripts that were run: the same few are run all the time. */
  readonly #digests = new Map<string, string>()

  constructor(db: Database, vm: LuaVm) {
    this.#db = db
    this.#vm = vm
  }

  has(name: string): boolean {
    return NAMES.has(name.toLowerCase())
  }

  /** Why Redis would refuse the command before running it. */
  refusalOf(name: string, args: readonly string[]): ErrorReply | undefined {
    if (name.toLowerCase() === "script") return subcommandRefusal(args)
    return args.length < 2 ? wrongArity(name) : undefined
  }

  run(name: string, args: readonly string[]): Value {
    const refused = this.refusalOf(name, args)
    if (refused) return refused
    count(this.#db, name)
    try {
      if (name.toLowerCase() === "script") return this.#script(args)
      return this.#evaluate(name.toLowerCase(), args)
    } catch (error) {
      return toErrorReply(error)
    }
  }

  #evaluate(name: string, args: readonly string[]): Value {
    const { script, keys, args: argv } = readEval([name, ...args])
    const source = name.startsWith("evalsha") ? this.#sourceOf(script) : script
    const flags = readScriptFlags(source)
    if (name.endsWith("_ro") && flags.redisFlags?.includes("no-writes") === false)
      throw new ErrorReply("ERR Can not execute a script with write flag using *_ro command.")
    const limits = {
      readOnly: name.endsWith("_ro") || flags.redisFlags?.includes("no-writes") === true,
      keys: flags.keyLocking ? new Set(keys.map(String)) : undefined,
    }
    const sha = this.#digestOf(source)
    const result = this.#db.clock.freeze(() =>
      this.#vm.evaluate(flags.body, sha, keys.map(String), argv.map(String), (command) =>
        this.#callFromScript(command, limits),
      ),
    )
    this.#sources.set(sha, source)
    return result
  }

  #digestOf(source: string): string {
    const known = this.#digests.get(source)
    if (known !== undefined) return known
    if (this.#digests.size >= REMEMBERED_DIGESTS) this.#digests.clear()
    const digest = sha1(source)
    this.#digests.set(source, digest)
    return digest
  }

  #sourceOf(sha: string): string {
    const source = this.#sources.get(sha.toLowerCase())
    if (source === undefined) throw new ErrorReply("NOSCRIPT No matching script. Please use EVAL.")
    return source
  }

  #callFromScript([name = "", ...args]: readonly string[], limits: Limits): Value {
    if (NEVER_IN_SCRIPTS.test(name) || needsConnection(name.toUpperCase()))
      return new ErrorReply("ERR This Redis command is not allowed from script")
    const definition = findCommand(name)
    if (!definition) {
      return standingOf(name.toUpperCase(), "") === "offered"
        ? unsupported(name)
        : new ErrorReply("ERR Unknown Redis command called from script")
    }
    if (!hasArity(definition, args))
      return new ErrorReply("ERR Wrong number of args calling Redis command from script")
    if (limits.readOnly && definition.writes)
      return new ErrorReply("ERR Write commands are not allowed from read-only scripts.")
    if (limits.keys && !keysAmong(definition, args).every((key) => limits.keys?.has(key)))
      return new ErrorReply(DYNAMIC_KEY)
    return call(this.#db, definition, name, args)
  }

  #script([subcommand = "", ...args]: readonly string[]): Value {
    switch (subcommand.toUpperCase()) {
      case "LOAD":
        return this.#load(args[0] ?? "")
      case "EXISTS":
        return args.map((sha) => (this.#sources.has(sha.toLowerCase()) ? 1 : 0))
      default:
        if (args.length > 1 || !/^a?sync$/i.test(args[0] ?? "sync"))
          throw new ErrorReply("ERR SCRIPT FLUSH only support SYNC|ASYNC option")
        this.#sources.clear()
        return OK
    }
  }

  #load(source: string): Value {
    const sha = sha1(source)
    const problem = this.#vm.check(readScriptFlags(source).body, sha)
    if (problem) throw problem
    this.#sources.set(sha, source)
    return sha
  }
}

/** Checks the arguments of SCRIPT's subcommands: LOAD needs a script, EXISTS at least one SHA-1, FLUSH none. */
function subcommandRefusal(args: readonly string[]): ErrorReply | undefined {
  const [subcommand, ...rest] = args
  if (subcommand === undefined) return wrongArity("script")
  const word = subcommand.toLowerCase()
  if (word !== "load" && word !== "exists" && word !== "flush")
    return new ErrorReply(`ERR unknown subcommand '${subcommand}'. Try SCRIPT HELP.`)
  const isComplete = word === "load" ? rest.length === 1 : word === "flush" || rest.length > 0
  return isComplete ? undefined : wrongArity(`script|${word}`)
}
