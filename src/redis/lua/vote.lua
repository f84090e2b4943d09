-- Gives the vote of one database of a quorum to an attempt to take a lock, unless somebody else has it, or the
-- database may have forgotten to whom it gave it. An attempt replaces earlier ones of its own call, never later ones.
--
-- KEYS  lock, born, fencing counter
-- ARGV  token of the call, number of the attempt, ttl in ms, ms for which a young database does not vote
-- Replies
--   {"granted", ms left, last fencing token, server time in µs}
--   {"busy", ms the holder has left (-1: unlimited), the holder's value}
--   {"young", ms until it votes}
-- Calls  granted: 3 · busy: 2 · young: 2, the first time 3
local call, attempt, ttl, quarantine = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local lock, born, counter = KEYS[1], KEYS[2], KEYS[3]
--@include clock.lua
--@include mark.lua
local token = call .. "-" .. ARGV[2]
local values = redis.call("MGET", lock, born, counter)
local value, since, last = values[1], tonumber(values[2]), values[3] or "0"

-- The attempt of this call that has the vote: 0 if nobody has it, nil if somebody else.
local function voted()
  if not value then return 0 end
  if string.sub(value, 1, #call + 1) ~= call .. "-" then return nil end
  return tonumber(string.match(string.sub(value, #call + 2), "^%d+"))
end

local function busy()
  return {"busy", redis.call("PTTL", lock), value or ""}
end

local before = voted()
-- A later attempt of our own stays: this one has arrived late.
if not before or before > attempt then return busy() end

local ms = math.floor(clock() / 1000)
if not since or since > ms then
  -- No memory of having been here before, or a clock that was set back.
  redis.call("SET", born, digits(ms))
  since = ms
end
if ms - since < quarantine then return {"young", quarantine - (ms - since)} end

local left = tonumber(ttl)
if before == attempt then
  left = redis.call("PTTL", lock)
elseif before > 0 then
  -- A mark says that somebody waits in the queue of this database alone.
  local mark = isMarked(value) and "+" or ""
  redis.call("SET", lock, token .. mark, "PX", ttl)
elseif not redis.call("SET", lock, token, "NX", "PX", ttl) then
  -- What is no text is somebody else's.
  return busy()
end
return {"granted", left, last, digits(clock())}
