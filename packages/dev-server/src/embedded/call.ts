// Finds and calls a command of the embedded engine, and refuses one that it does not have or that lacks arguments.
import { ErrorReply } from "../engine.js"
import { COMMANDS } from "./commands.js"
import { type Database, type Definition, hasArity } from "./definition.js"
import type { Value } from "./reply-value.js"

/** Redis's commands of types that are not here: streams, bitmaps, HyperLogLog, positions, functions, modules. */
const OTHER_TYPES =
  /^(x[a-z]|bit|[gs]etbit|pf|geo|f(unction|call)|object|sort|dump|restore|[a-z]+\.)/i

export function findCommand(name: string): Definition | undefined {
  return COMMANDS.get(name.toLowerCase())
}

/** Why Redis would not even begin with the command. */
export function refusalOf(name: string, args: readonly string[]): ErrorReply | undefined {
  const definition = findCommand(name)
  if (!definition) return unknownCommand(name, args)
  return hasArity(definition, args) ? undefined : wrongArity(name)
}

/** Does the command; its arguments are as many as it takes. */
export function call(db: Database, definition: Definition, name: string, args: string[]): Value {
  count(db, name)
  try {
    return db.clock.freeze(() => definition.run(db, ...args))
  } catch (error) {
    if (error instanceof ErrorReply) return error
    throw error
  }
}

export function count(db: Database, name: string): void {
  const key = name.toLowerCase()
  db.calls.set(key, (db.calls.get(key) ?? 0) + 1)
}

export function wrongArity(name: string): ErrorReply {
  return new ErrorReply(`ERR wrong number of arguments for '${name.toLowerCase()}' command`)
}

function unknownCommand(name: string, args: readonly string[]): ErrorReply {
  if (OTHER_TYPES.test(name)) {
    return new ErrorReply(
      `ERR Command is not available: '${name.toUpperCase()}'. The embedded engine does not have it; run the server over a real Redis`,
    )
  }
  const shown = args.map((arg) => `'${arg.slice(0, 128)}' `).join("")
  return new ErrorReply(`ERR unknown command '${name}', with args beginning with: ${shown}`)
}
