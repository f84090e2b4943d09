// The database's own record of a lock: its state before and after each command, in the order of execution.
import { lockKeys } from "../../src/redis/keys.js"
import { argumentsOf, stepOf } from "./operation.js"
import type { SendCommand } from "./waiter-by-hand.js"

/** The keys of a lock at one moment. */
export interface Standing {
  readonly value: string | undefined
  /** The tokens of the sharers that have not expired. */
  readonly sharers: readonly string[]
  /** The tokens of the waiters, first come first. */
  readonly queue: readonly string[]
  /** When each of the keys ends, by the server's clock in ms; -1: never, -2: it does not exist. */
  readonly ends: readonly number[]
  readonly fence: number
}

/** One command that was executed. */
export interface Deed {
  /** By the server's clock, in ms. */
  readonly atMs: number
  readonly step: string
  readonly args: readonly string[]
  readonly before: Standing
  readonly after: Standing
}

const PREFIX = "lock:"
/** The number of a lock's keys. */
const KEYS = lockKeys(PREFIX, "").length
/** Lua: the state of the lock of KEYS at this moment. */
const STANDING = `local function standing()
  local time = redis.call("TIME")
  local since = string.format("%.0f", math.floor(time[1] * 1000 + time[2] / 1000))
  local ends = {}
  for i, key in ipairs(KEYS) do ends[i] = redis.call("PEXPIRETIME", key) end
  return {redis.call("GET", KEYS[1]) or "", redis.call("ZRANGEBYSCORE", KEYS[5], since, "+inf"),
    redis.call("ZRANGE", KEYS[2], "0", "-1"), ends, redis.call("GET", KEYS[4]) or "0", since}
end`

/** Makes a script that may change a lock record its changes. */
export function recorded(command: readonly string[]): readonly string[] {
  const [name, script = "", count, first = ""] = command
  if (name?.toUpperCase() !== "EVAL") return command
  const step = stepOf(command)
  if (step === "claim") {
    const keys = lockKeys(PREFIX, first.slice(PREFIX.length))
    return ["EVAL", writeDown(step, script), String(KEYS), ...keys, ...argumentsOf(command)]
  }
  const isOnLock = count === String(KEYS) && step !== "snapshot"
  return isOnLock ? ["EVAL", writeDown(step, script), ...command.slice(2)] : command
}

function writeDown(step: string, script: string): string {
  return `${STANDING}
local before = standing()
local result = (function()
${script}
end)()
redis.call("RPUSH", "record:" .. KEYS[1], cjson.encode({"${step}", ARGV, before, standing()}))
redis.call("PEXPIRE", "record:" .. KEYS[1], "600000")
return result`
}

/** The record of a lock, and its present state. */
export async function readRecord(
  send: SendCommand,
  name: string,
): Promise<{ readonly deeds: readonly Deed[]; readonly now: Standing }> {
  const script = `${STANDING}
return {redis.call("LRANGE", "record:" .. KEYS[1], "0", "-1"), cjson.encode(standing())}`
  const reply = await send("EVAL", script, String(KEYS), ...lockKeys(PREFIX, name))
  const [lines, now] = reply as [string[], string]
  const deeds = lines.map((line) => {
    const [step, args, before, after] = JSON.parse(line) as [string, unknown, unknown[], unknown[]]
    const atMs = Number(before[5])
    return {
      atMs,
      step,
      args: listOf(args),
      before: readStanding(before),
      after: readStanding(after),
    }
  })
  return { deeds, now: readStanding(JSON.parse(now) as unknown[]) }
}

/** A record for people: when, which command, by which token, and the holder and the waiters at that time. */
export function showRecord(deeds: readonly Deed[]): string {
  const short = (token: string | undefined) => token?.slice(-6) ?? "nobody"
  const lines = deeds.map(({ atMs, step, args, after }) => {
    const { value, queue, sharers, ends } = after
    const holders = sharers.length > 0 ? sharers.map(short).join("&") : short(value)
    const until = String((ends[0] ?? 0) - (deeds[0]?.atMs ?? 0))
    const at = String(atMs - (deeds[0]?.atMs ?? 0))
    const caller = short(args[0]?.split(" ")[0])
    return `${at} ${step} by ${caller}: held by ${holders} until ${until}, waiting: ${queue.map(short).join(" ")}`
  })
  return lines.join("\n")
}

function readStanding([value, sharers, queue, ends, fence]: readonly unknown[]): Standing {
  return {
    value: value === "" ? undefined : String(value),
    sharers: listOf(sharers),
    queue: listOf(queue).map((entry) => entry.split(" ")[0] ?? ""),
    ends: listOf(ends).map(Number),
    fence: Number(fence),
  }
}

/** Lua's empty list is an empty object in JSON. */
function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
