// Decides which commands are sent to the engine: those of Upstash that do not need their own connection.
import { type Command, ErrorReply, nameOf } from "./engine.js"
import { standingOf } from "./upstash-commands.js"

const BLOCKS = "it would block the connection, which all requests share"
const BLOCKING = "BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF"
const STREAMING =
  "SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE MONITOR SYNC PSYNC REPLCONF"
const TRANSACTION = "MULTI EXEC DISCARD WATCH UNWATCH"
const CONNECTION = "AUTH HELLO SELECT QUIT RESET CLIENT ASKING READONLY READWRITE"

const REASONS: ReadonlyMap<string, string> = new Map(
  [
    [BLOCKING, BLOCKS],
    [STREAMING, "a request has one reply; for a stream use /subscribe or /psubscribe"],
    [TRANSACTION, "a request does not have its own connection; for a transaction use /multi-exec"],
    [CONNECTION, "a request does not have its own connection"],
  ].flatMap(([names = "", reason = ""]) => names.split(" ").map((name) => [name, reason] as const)),
)

/** Why the command is not sent; undefined if it is. */
export function restRefusal(command: Command): ErrorReply | undefined {
  const name = nameOf(command)
  if (needsConnection(name)) return notOverRest(name, REASONS.get(name) ?? "")
  if ((name === "XREAD" || name === "XREADGROUP") && hasBlock(command))
    return notOverRest(`${name} BLOCK`, BLOCKS)
  const subcommand = String(command[1] ?? "").toUpperCase()
  switch (standingOf(name, subcommand)) {
    case "offered":
      return undefined
    case "refused":
      return refuse(isContainer(name) ? `${name} ${subcommand}` : name, "Upstash does not offer it")
    case "unknown subcommand":
      return new ErrorReply(`ERR unknown subcommand '${String(command[1])}'. Try ${name} HELP.`)
    case "unknown":
      return unknownCommand(command)
  }
}

/** Whether the command (in upper case) blocks or belongs to one connection. */
export function needsConnection(name: string): boolean {
  return REASONS.has(name)
}

/** With Redis's message. */
function unknownCommand([name = "", ...args]: Command): ErrorReply {
  const shown = args.map((arg) => `'${String(arg).slice(0, 128)}' `).join("")
  return new ErrorReply(`ERR unknown command '${String(name)}', with args beginning with: ${shown}`)
}

function notOverRest(name: string, reason: string): ErrorReply {
  return refuse(name, `Not available over REST: ${reason}`)
}

/** With Upstash's message, and the reason. */
function refuse(name: string, reason: string): ErrorReply {
  return new ErrorReply(`ERR Command is not available: '${name}'. ${reason}`)
}

/** Whether only a subcommand is refused, not the command. */
function isContainer(name: string): boolean {
  return standingOf(name, "") === "offered"
}

/** Options come before STREAMS. After it come keys, which can have any name. */
function hasBlock(command: Command): boolean {
  const words = command.map((word) => String(word).toUpperCase())
  const streams = words.indexOf("STREAMS")
  return words.slice(0, streams < 0 ? undefined : streams).includes("BLOCK")
}
