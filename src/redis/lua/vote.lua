-- Gives the vote of one database of a quorum to an attempt to take a lock, unless another holder has it, or the database
-- may have forgotten a vote. An attempt replaces earlier ones of its own call, never later ones.
--
-- KEYS  lock, the time since which the database votes, fencing counter
-- ARGV  token of the call, number of the attempt, ttl in ms, ms for which a new database does not vote
-- Replies
--   {"granted", ms left, last fencing token, server time in µs}
--   {"busy", ms the holder has left (-1: unlimited), the holder's value}
--   {"young", ms until it votes}
-- Calls  granted: 3 · busy: 2 · young: 2, the first time 3
local call, attempt, ttl, quarantine = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local lock, votingSince, counter = KEYS[1], KEYS[2], KEYS[3]
--@include clock.lua
--@include waiters-flag.lua
local token = call .. "-" .. ARGV[2]
local values = redis.call("MGET", lock, votingSince, counter)
local value, since, last = values[1], tonumber(values[2]), values[3] or "0"

-- The attempt of this call that has the vote: 0 if the vote is free, nil if another holder has it.
local function voted()
  if not value then return 0 end
  if string.sub(value, 1, #call + 1) ~= call .. "-" then return nil end
  return tonumber(string.match(string.sub(value, #call + 2), "^%d+"))
end

local function busy()
  return {"busy", redis.call("PTTL", lock), value or ""}
end

local before = voted()
-- A later attempt of our own stays: this one was delayed.
if not before or before > attempt then return busy() end

local nowMs = math.floor(clock() / 1000)
if not since or since > nowMs then
  -- The database is new or has lost its memory, or its clock was set back.
  redis.call("SET", votingSince, digits(nowMs))
  since = nowMs
end
if nowMs - since < quarantine then return {"young", quarantine - (nowMs - since)} end

local left = tonumber(ttl)
if before == attempt then
  left = redis.call("PTTL", lock)
elseif before > 0 then
  -- A flag means that this database alone has a queue with waiters.
  local flag = isFlagged(value) and "+" or ""
  redis.call("SET", lock, token .. flag, "PX", ttl)
elseif not redis.call("SET", lock, token, "NX", "PX", ttl) then
  -- A key of another type has another owner.
  return busy()
end
return {"granted", left, last, digits(clock())}
