// The keys of a lock in the middle of a history: their state, and their state some time later.
import type { LockByHand, SendCommand } from "../support/waiter-by-hand.js"

export interface State {
  readonly value: string | null
  /** The sharers that have not expired, and the remaining time of each, in ms. */
  readonly sharers: ReadonlyMap<string, number>
  /** The tokens of the waiters, first come first. */
  readonly queue: readonly string[]
  readonly ttls: readonly number[]
  /** The remaining time of the last sharer, in ms. */
  readonly lastMs: number
}

const READ = `
local lives = {}
for i, key in ipairs(KEYS) do lives[i] = redis.call("PTTL", key) end
local time = redis.call("TIME")
local now = math.floor(time[1] * 1000 + time[2] / 1000)
local last = redis.call("ZRANGE", KEYS[5], "-1", "-1", "WITHSCORES")[2] or "0"
local sharers = redis.call("ZRANGEBYSCORE", KEYS[5], string.format("(%.0f", now), "+inf", "WITHSCORES")
return {redis.call("GET", KEYS[1]) or "", sharers, redis.call("ZRANGE", KEYS[2], "0", "-1"), lives, last - now,
  string.format("%.0f", now)}`

export async function readState(send: SendCommand, { keys }: LockByHand): Promise<State> {
  const reply = await send("EVAL", READ, String(keys.length), ...keys)
  const [value, flat, entries, ttls, lastMs, nowMs] = reply as [
    string,
    string[],
    string[],
    number[],
    number,
    string,
  ]
  const sharers = new Map<string, number>()
  for (let i = 0; i < flat.length; i += 2) {
    sharers.set(flat[i] ?? "", Number(flat[i + 1]) - Number(nowMs))
  }
  const queue = entries.map((entry) => entry.split(" ")[0] ?? "")
  return { value: value === "" ? null : value, sharers, queue, ttls, lastMs }
}

/** Moves every time in a key, and that of its end, back: to the scripts the server's clock has moved on. */
const PASS = `
local ms = tonumber(ARGV[1])
local function digits(number) return string.format("%.0f", number) end
local function back(key, by)
  for _, member in ipairs(redis.call("ZRANGE", key, "0", "-1")) do
    redis.call("ZINCRBY", key, digits(-by), member)
  end
end
back(KEYS[5], ms)
back(KEYS[2], ms * 1000)
for _, token in ipairs(redis.call("HKEYS", KEYS[3])) do
  redis.call("HSET", KEYS[3], token, digits(redis.call("HGET", KEYS[3], token) - ms * 1000))
end
for _, key in ipairs(KEYS) do
  local left = redis.call("PTTL", key)
  if left > ms then redis.call("PEXPIRE", key, digits(left - ms)) elseif left >= 0 then redis.call("DEL", key) end
end
return "OK"`

export async function letPass(send: SendCommand, { keys }: LockByHand, ms: number): Promise<void> {
  await send("EVAL", PASS, String(keys.length), ...keys, String(ms))
}

export function holdersOf({ value, sharers }: State): readonly string[] {
  if (value === null) return []
  return value.startsWith("fl_#") ? [...sharers.keys()] : [value.replace(/\+$/, "")]
}

/** The remaining time of that token's hold, in ms. */
export function leftOf(token: string, { value, sharers, ttls }: State): number {
  if (value?.startsWith("fl_#")) return sharers.get(token) ?? 0
  return ttls[0] ?? 0
}
