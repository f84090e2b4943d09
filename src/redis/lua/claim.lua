-- Takes a free lock exclusively, for a caller that does not wait. Idempotent. It does not check the queue, which acquire.lua
-- does.
--
-- KEYS  lock
-- ARGV  token, ttl in ms
-- Replies
--   {"granted", ms left}
--   {"busy"}  another holder has it
-- Calls  free: 1 · held: 2 · ours: 3
local token, ttl = ARGV[1], ARGV[2]
local lock = KEYS[1]
--@include waiters-flag.lua
if redis.call("SET", lock, token, "NX", "PX", ttl) then
  return {"granted", tonumber(ttl)}
end
-- Otherwise the second copy of a duplicated request would be refused because of the first.
if isHeldBy(redis.call("GET", lock), token) then
  return {"granted", redis.call("PTTL", lock)}
end
return {"busy"}
