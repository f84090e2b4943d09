// Finds and calls a command of the embedded engine, and refuses one that it lacks or that lacks arguments.
import { ErrorReply } from "../engine.js"
import { COMMANDS } from "./commands.js"
import { type Database, type Definition, hasArity } from "./definition.js"
import type { Value } from "./reply-value.js"

export function findCommand(name: string): Definition | undefined {
  return COMMANDS.get(name.toLowerCase())
}

/** Why Redis would refuse the command before running it. */
export function refusalOf(name: string, args: readonly string[]): ErrorReply | undefined {
  const definition = findCommand(name)
  if (!definition) return unsupported(name)
  return hasArity(definition, args) ? undefined : wrongArity(name)
}

/** Runs the command. The number of arguments must have been checked. */
export function call(db: Database, definition: Definition, name: string, args: string[]): Value {
  count(db, name)
  try {
    return db.clock.freeze(() => definition.run(db, ...args))
  } catch (error) {
    return toErrorReply(error)
  }
}

export function count(db: Database, name: string): void {
  const key = name.toLowerCase()
  db.calls.set(key, (db.calls.get(key) ?? 0) + 1)
}

export function wrongArity(name: string): ErrorReply {
  return new ErrorReply(`ERR wrong number of arguments for '${name.toLowerCase()}' command`)
}

/** For a command that Upstash offers: others are refused before they get here. */
export function unsupported(name: string): ErrorReply {
  return new ErrorReply(
    `ERR ${name.toUpperCase()} is not supported by the local engine; run the server over a real Redis (--redis)`,
  )
}

/** Any failure of a command as its reply, so that it does not affect other commands of the request. */
export function toErrorReply(error: unknown): ErrorReply {
  if (error instanceof ErrorReply) return error
  return new ErrorReply(
    `ERR the local engine failed: ${error instanceof Error ? error.message : String(error)}`,
  )
}
