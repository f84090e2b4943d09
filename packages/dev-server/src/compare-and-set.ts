// `SET … IFEQ` and `DELEX`, which Upstash and Redis 8.4 have, for an engine that lacks them: each becomes a script.
import {
  type Argument,
  type Command,
  type Engine,
  ErrorReply,
  nameOf,
  type Reply,
} from "./engine.js"

// KEYS key · ARGV value, expected, "GET" or "", SET's other options. Replies as SET does.
const SET_IF_EQUAL = `
local current = redis.call("GET", KEYS[1])
if current == ARGV[2] then
  local done = redis.call("SET", KEYS[1], ARGV[1], unpack(ARGV, 4))
  if ARGV[3] == "" then return done end
end
return ARGV[3] ~= "" and current
`

// KEYS key · ARGV expected. Replies 1: deleted, 0: not.
const DELETE_IF_EQUAL = `
local value = redis.pcall("GET", KEYS[1])
if type(value) == "table" then return {err = "ERR Key should be of string type if conditions are specified"} end
if value ~= ARGV[1] then return 0 end
return redis.call("DEL", KEYS[1])
`

const CONDITIONS = ["IFEQ", "IFNE", "IFDEQ", "IFDNE"]
const TAKES_A_VALUE = ["EX", "PX", "EXAT", "PXAT", ...CONDITIONS]

/** The same engine with compare-and-set, but not inside scripts: they call the engine itself. */
export function withCompareAndSet(engine: Engine): Engine {
  return {
    run: async (command) => {
      const translated = translate(command)
      if (translated instanceof ErrorReply) return translated
      return translated ? withoutPlace(await engine.run(translated)) : engine.run(command)
    },
    transact: async (commands) => {
      const translated = commands.map(translate)
      const refused = translated.find((command) => command instanceof ErrorReply)
      if (refused) return refused
      const sent = commands.map((command, i) => (translated[i] as Command | undefined) ?? command)
      const replies = await engine.transact(sent)
      if (replies instanceof ErrorReply) return replies
      return replies.map((reply, i) => (translated[i] ? withoutPlace(reply) : reply))
    },
    subscribe: (topic, listener) => engine.subscribe(topic, listener),
    close: () => engine.close(),
  }
}

/** The script that replaces the command; undefined for other commands. */
function translate(command: Command): Command | ErrorReply | undefined {
  const name = nameOf(command)
  if (name === "SET") return translateSet(command)
  if (name !== "DELEX") return undefined
  const [, key, condition, expected] = command
  if (command.length !== 2 && command.length !== 4)
    return new ErrorReply("ERR wrong number of arguments for 'delex' command")
  if (key === undefined || condition === undefined || expected === undefined)
    return ["DEL", key ?? ""]
  const word = String(condition).toUpperCase()
  if (!CONDITIONS.includes(word))
    return new ErrorReply("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE")
  return word === "IFEQ"
    ? ["EVAL", DELETE_IF_EQUAL, "1", key, expected]
    : unsupported("DELEX", word)
}

function translateSet(command: Command): Command | ErrorReply | undefined {
  const [, key, value, ...words] = command
  if (key === undefined || value === undefined) return undefined
  let expected: Argument | undefined
  let get = ""
  let exclusive = false
  const others: Argument[] = []
  for (let i = 0; i < words.length; i++) {
    const word = String(words[i]).toUpperCase()
    const argument = TAKES_A_VALUE.includes(word) ? words[++i] : undefined
    if (word === "IFEQ" && argument !== undefined && expected === undefined) expected = argument
    else if (CONDITIONS.includes(word))
      // An invalid command stays as it is: Redis knows why it refuses it.
      return word === "IFEQ" ? undefined : unsupported("SET", word)
    else if (word === "GET") get = "GET"
    else {
      exclusive ||= word === "NX" || word === "XX"
      others.push(word)
      if (argument !== undefined) others.push(argument)
    }
  }
  if (expected === undefined || exclusive) return undefined
  return ["EVAL", SET_IF_EQUAL, "1", key, value, expected, get, ...others]
}

function unsupported(command: string, word: string): ErrorReply {
  return new ErrorReply(`ERR ${command} … ${word} is not supported by this local server; IFEQ is`)
}

/** Removes from an error its position in our script, which the caller does not know. Valkey names no digest there. */
function withoutPlace(reply: Reply): Reply {
  if (!(reply instanceof ErrorReply)) return reply
  return new ErrorReply(reply.message.replace(/ script: ([0-9a-f]{40}, )?on .*$/, ""))
}
