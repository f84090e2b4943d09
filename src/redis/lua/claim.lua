-- Takes a free lock exclusively: all that an uncontended acquire needs. Idempotent. It does not check the queue, which
-- acquire.lua does.
--
-- KEYS  lock
-- ARGV  token, ttl in ms, "1" to recognize a lock that is ours already: without it, the second copy of a duplicated
--       request is refused because of the first
-- Replies
--   {"granted", ms left}
--   {"busy"}  it is held; with "1", by another holder
-- Calls  free: 1 · held: 1, or 2 · ours: 3
local token, ttl, recognizes = ARGV[1], ARGV[2], ARGV[3]
local lock = KEYS[1]
--@include waiters-flag.lua
if redis.call("SET", lock, token, "NX", "PX", ttl) then
  return {"granted", tonumber(ttl)}
end
if recognizes == "1" and isHeldBy(redis.call("GET", lock), token) then
  return {"granted", redis.call("PTTL", lock)}
end
return {"busy"}
