-- Takes the lock if it is free, recognises it if it is ours already, and otherwise says how long its holder has left.
-- Safe to send again: the same token is never granted twice, and keeps its fencing token.
--
-- KEYS  lock, and the fencing counter where a fencing token is asked for
-- ARGV  token, ttl in ms
-- Replies
--   {"granted", ms left, fencing token or ""}
--   {"busy", ms the holder has left (-1: its key never expires), ""}
-- Calls  free: 2 (fencing: 5) · held: 2 · ours: 2 (fencing: 3)
local token, ttl = ARGV[1], ARGV[2]
local lock, counter = KEYS[1], KEYS[2]
local value = redis.call("GET", lock)
if value and value ~= token and value ~= token .. "+" then
  return {"busy", redis.call("PTTL", lock), ""}
end
local fence = ""
if counter then
  local last = redis.call("GET", counter)
  if value and last then
    -- Exclusive holds alone mint, so the last one is this hold's.
    fence = last
  else
    local time = redis.call("TIME")
    local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
    -- The server's time, so that it rises even after the counter was lost.
    fence = string.format("%.0f", math.max((tonumber(last) or 0) + 1, now))
    -- Before the lock is taken: an error here must not leave it taken.
    redis.call("SET", counter, fence, "PX", "86400000")
  end
end
if value then
  return {"granted", redis.call("PTTL", lock), fence}
end
redis.call("SET", lock, token, "NX", "PX", ttl)
return {"granted", tonumber(ttl), fence}
