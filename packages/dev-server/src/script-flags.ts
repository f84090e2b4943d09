// Reads the `#!lua` line of a script, and Upstash's flag in it, which plain Redis does not know.
import { ErrorReply } from "./engine.js"

const KEY_LOCKING = "allow-key-locking"
const REDIS_FLAGS = ["no-writes", "allow-oom", "allow-stale", "no-cluster", "allow-cross-slot-keys"]

export interface ScriptFlags {
  /** `allow-key-locking`: the script touches no key but those in KEYS. */
  readonly keyLocking: boolean
  /** The flags that Redis knows; undefined if Redis would see a script without a `#!lua` line. */
  readonly redisFlags: readonly string[] | undefined
  /** The script with an empty line in place of each `#!lua` line, so that it is plain Lua of as many lines. */
  readonly body: string
}

/**
 * The line counts only where it is the very first; further down Upstash ignores it, and so does this.
 * @throws ErrorReply in Redis's words for a line that Redis would refuse.
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

/** What Upstash answers when such a script touches a key that is not in KEYS. */
export const DYNAMIC_KEY =
  "ERR Dynamic keys are not allowed in Lua scripts when 'allow-key-locking' flag is set"
