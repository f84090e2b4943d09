// Which commands cannot travel over REST: those that block, and those that belong to one connection.
import { type Command, ErrorReply, nameOf } from "./engine.js"

const BLOCKING = "BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF"
const STREAMING =
  "SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE MONITOR SYNC PSYNC REPLCONF"
const TRANSACTION = "MULTI EXEC DISCARD WATCH UNWATCH"
const CONNECTION = "AUTH HELLO SELECT QUIT RESET CLIENT ASKING READONLY READWRITE"
const OPERATING = "SHUTDOWN REPLICAOF SLAVEOF FAILOVER DEBUG"

const REASONS: ReadonlyMap<string, string> = new Map(
  [
    [BLOCKING, "it would block the connection that all requests share"],
    [STREAMING, "a request has one answer; for a stream there are /subscribe and /psubscribe"],
    [TRANSACTION, "a request has no connection of its own; for a transaction there is /multi-exec"],
    [CONNECTION, "a request has no connection of its own"],
    [OPERATING, "it would take the Redis behind this server away"],
  ].flatMap(([names = "", reason = ""]) => names.split(" ").map((name) => [name, reason] as const)),
)

/** Why the command cannot be sent over REST, if it cannot. */
export function restRefusal(command: Command): ErrorReply | undefined {
  const name = nameOf(command)
  const blocks = (name === "XREAD" || name === "XREADGROUP") && hasBlock(command)
  const debugs = name === "SCRIPT" && String(command[1]).toUpperCase() === "DEBUG"
  if (blocks)
    return refuse(`${name} BLOCK`, "it would block the connection that all requests share")
  if (debugs) return refuse("SCRIPT DEBUG", "a request has no connection of its own")
  const reason = REASONS.get(name)
  return reason === undefined ? undefined : refuse(name, reason)
}

/** Upstash's words, and why. */
function refuse(name: string, reason: string): ErrorReply {
  return new ErrorReply(`ERR Command is not available: '${name}'. Not over REST: ${reason}`)
}

/** Options stand before STREAMS; behind it are keys, which may be called anything. */
function hasBlock(command: Command): boolean {
  const words = command.map((word) => String(word).toUpperCase())
  const streams = words.indexOf("STREAMS")
  return words.slice(0, streams < 0 ? undefined : streams).includes("BLOCK")
}
