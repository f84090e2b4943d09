// Which commands are sent to the engine: those that Upstash has, and of these none that need a connection of their own.
import { type Command, ErrorReply, nameOf } from "./engine.js"
import { standingOf } from "./upstash-commands.js"

const BLOCKS = "it would block the connection that all requests share"
const BLOCKING = "BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF"
const STREAMING =
  "SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE MONITOR SYNC PSYNC REPLCONF"
const TRANSACTION = "MULTI EXEC DISCARD WATCH UNWATCH"
const CONNECTION = "AUTH HELLO SELECT QUIT RESET CLIENT ASKING READONLY READWRITE"

const REASONS: ReadonlyMap<string, string> = new Map(
  [
    [BLOCKING, BLOCKS],
    [STREAMING, "a request has one answer; for a stream there are /subscribe and /psubscribe"],
    [TRANSACTION, "a request has no connection of its own; for a transaction there is /multi-exec"],
    [CONNECTION, "a request has no connection of its own"],
  ].flatMap(([names = "", reason = ""]) => names.split(" ").map((name) => [name, reason] as const)),
)

/** Why the command is not sent, if it is not. */
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

/** Whether the command (in capitals) blocks or belongs to one connection. */
export function needsConnection(name: string): boolean {
  return REASONS.has(name)
}

/** In Redis's words. */
function unknownCommand([name = "", ...args]: Command): ErrorReply {
  const shown = args.map((arg) => `'${String(arg).slice(0, 128)}' `).join("")
  return new ErrorReply(`ERR unknown command '${String(name)}', with args beginning with: ${shown}`)
}

function notOverRest(name: string, reason: string): ErrorReply {
  return refuse(name, `Not over REST: ${reason}`)
}

/** Upstash's words, and why. */
function refuse(name: string, reason: string): ErrorReply {
  return new ErrorReply(`ERR Command is not available: '${name}'. ${reason}`)
}

/** Whether it is a subcommand that is refused, and not the command. */
function isContainer(name: string): boolean {
  return standingOf(name, "") === "offered"
}

/** Options stand before STREAMS; behind it are keys, which may be called anything. */
function hasBlock(command: Command): boolean {
  const words = command.map((word) => String(word).toUpperCase())
  const streams = words.indexOf("STREAMS")
  return words.slice(0, streams < 0 ? undefined : streams).includes("BLOCK")
}
