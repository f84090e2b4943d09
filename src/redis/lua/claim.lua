-- Takes a free lock for one holder: all that an uncontended acquire needs. Safe to send again. It does not look at the
-- queue; acquire.lua does.
--
-- KEYS  lock
-- ARGV  token, ttl in ms, "1" to recognize a lock that is ours already: a request that is doubled on its way is refused
--       the second time because of the first
-- Replies
--   {"granted", ms left}
--   {"busy"}  somebody holds it; somebody else, if it was to recognize its own
-- Calls  free: 1 · held: 1, or 2 · ours: 3
local token, ttl, recognizes = ARGV[1], ARGV[2], ARGV[3]
local lock = KEYS[1]
--@include mark.lua
if redis.call("SET", lock, token, "NX", "PX", ttl) then
  return {"granted", tonumber(ttl)}
end
if recognizes == "1" and is(redis.call("GET", lock), token) then
  return {"granted", redis.call("PTTL", lock)}
end
return {"busy"}
