-- Stores the fencing token of a hold in one database of a quorum that gave it its vote: the second round.
--
-- KEYS  lock, fencing counter
-- ARGV  token, fencing token
-- Replies
--   "noted"
--   "taken"  another holder has the vote
--   "gone"   no holder has the vote
-- Calls  ours: 2, or 1 if a greater one is stored · otherwise: 1
local token, fence = ARGV[1], tonumber(ARGV[2])
--@include waiters-flag.lua
local values = redis.call("MGET", KEYS[1], KEYS[2])
local value = values[1]
if isHeldBy(value, token) then
  if fence > (tonumber(values[2]) or 0) then
    redis.call("SET", KEYS[2], ARGV[2], "PX", "86400000")
  end
  return "noted"
end
return value and "taken" or "gone"
