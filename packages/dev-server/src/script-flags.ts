// Parses the `#!lua` line of a script, and Upstash's flag in it, which plain Redis does not know.
import { ErrorReply } from "./engine.js"

const KEY_LOCKING = "allow-key-locking"
const REDIS_FLAGS = ["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"]

export interface ScriptFlags {
  /** `allow-key-locking`: the script touches only the keys in KEYS. */
  readonly keyLocking: boolean
  /** The flags that Redis knows; undefined if Redis gets the script without a `#!lua` line. */
  readonly redisFlags: readonly string[] | undefined
  /** The script with an empty line in place of each `#!lua` line: plain Lua, with the same number of lines. */
  readonly body: string
}

/**
 * The line counts only if it is the first; Upstash ignores it further down, and so does this function.
 * @throws ErrorReply, with Redis's message, for a line that Redis would refuse.
 */
export function readScriptFlags(source: string): ScriptFlags {
  const body = source.replace(/^#!lua[^\n]*$/gm, "")
  if (!source.startsWith("#!")) return { keyLocking: false, redisFlags: undefined, body }
  const [engine = "", ...options] = (source.split("\n", 1)[0] ?? "").trim().split(/\s+/)
  if (engine !== "#!lua") throw new ErrorReply(`ERR Unexpected engine in script shebang: ${engine}`)
  const flags: string[] = []
  for (const option of options) {
    if (!option.startsWith("flags="))
      throw new ErrorReply(`ERR Unknown lua shebang option: ${option}`)
    flags.push(...option.slice("flags=".length).split(",").filter(Boolean))
  }
  const unknown = flags.find((flag) => flag !== KEY_LOCKING && !REDIS_FLAGS.includes(flag))
  if (unknown !== undefined)
    throw new ErrorReply(`ERR Unexpected flag in script shebang: ${unknown}`)
  const keyLocking = flags.includes(KEY_LOCKING)
  const redisFlags = flags.filter((flag) => flag !== KEY_LOCKING)
  return {
    keyLocking,
    redisFlags: keyLocking && redisFlags.length === 0 ? undefined : redisFlags,
    body,
  }
}

/** Upstash's reply if such a script touches a key that is not in KEYS. */
export const DYNAMIC_KEY =
  "ERR Dynamic keys are not allowed in Lua scripts when 'allow-key-locking' flag is set"
