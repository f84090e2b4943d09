// Parses an EVAL or EVALSHA.
import { type Argument, type Command, ErrorReply } from "./engine.js"

export interface EvalArguments {
  /** The script, or its SHA-1. */
  readonly script: string
  readonly keys: readonly Argument[]
  readonly args: readonly Argument[]
}

/** @throws ErrorReply, with Redis's message, for an invalid number of keys. */
export function readEval(command: Command): EvalArguments {
  const [name = "", script = "", count = "", ...rest] = command
  if (command.length < 3) {
    const lower = String(name).toLowerCase()
    throw new ErrorReply(`ERR wrong number of arguments for '${lower}' command`)
  }
  if (!/^(0|-?[1-9]\d{0,15})$/.test(String(count)))
    throw new ErrorReply("ERR value is not an integer or out of range")
  const keys = Number(count)
  if (keys < 0) throw new ErrorReply("ERR Number of keys can't be negative")
  if (keys > rest.length)
    throw new ErrorReply("ERR Number of keys can't be greater than number of args")
  return { script: String(script), keys: rest.slice(0, keys), args: rest.slice(keys) }
}
