// The embedded engine's commands on the server, and PUBLISH.
import { ErrorReply } from "../engine.js"
import { type Database, type Definitions, NO_KEYS, reads, writes } from "./definition.js"
import { globMatcher } from "./glob.js"
import { OK, Status, type Value } from "./reply-value.js"

export const serverCommands: Definitions = {
  ping: reads(-1, NO_KEYS, (_, ...rest) => {
    if (rest.length > 1) throw new ErrorReply("ERR wrong number of arguments for 'ping' command")
    return rest[0] ?? new Status("PONG")
  }),
  echo: reads(2, NO_KEYS, (_, message) => message),
  time: reads(1, NO_KEYS, (db) => {
    const micros = db.clock.micros()
    return [String(Math.floor(micros / 1_000_000)), String(micros % 1_000_000)]
  }),
  publish: reads(3, NO_KEYS, (db, channel, payload) => db.channels.publish(channel, payload)),
  pubsub: reads(-2, NO_KEYS, pubsub),
  info: reads(-1, NO_KEYS, (db, ...sections) => info(db, sections)),
  config: writes(-2, NO_KEYS, (db, subcommand) => {
    if (subcommand.toUpperCase() !== "RESETSTAT")
      throw new ErrorReply("ERR the embedded engine supports only CONFIG RESETSTAT")
    db.calls.clear()
    return OK
  }),
}

function pubsub(db: Database, subcommand: string, ...args: string[]): Value {
  const channels = db.channels.counts("channel")
  switch (subcommand.toUpperCase()) {
    case "CHANNELS": {
      return [...channels.keys()].filter(globMatcher(args[0] ?? "*"))
    }
    case "NUMSUB":
      return args.flatMap((channel) => [channel, channels.get(channel) ?? 0])
    case "NUMPAT":
      return db.channels.counts("pattern").size
    default:
      throw new ErrorReply(`ERR unknown subcommand '${subcommand}'. Try PUBSUB HELP.`)
  }
}

/** The facts that clients check first, and the number of calls of each command, which Upstash would bill. */
function info(db: Database, sections: readonly string[]): Value {
  const wanted = sections.map((section) => section.toLowerCase())
  const has = (section: string) =>
    wanted.length === 0 || wanted.includes(section) || wanted.includes("everything")
  const lines: string[] = []
  if (has("server")) {
    lines.push("# Server", "redis_version:7.0.15", "redis_mode:standalone", "engine:embedded", "")
  }
  if (wanted.length > 0 && (has("commandstats") || wanted.includes("all"))) {
    lines.push("# Commandstats")
    for (const [name, calls] of db.calls) lines.push(`cmdstat_${name}:calls=${calls}`)
  }
  return lines.map((line) => `${line}\r\n`).join("")
}
