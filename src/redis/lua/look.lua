-- Says whether the lock is ours, and for how long still. Changes nothing.
--
-- ARGV  token
-- Replies
--   {"held", ms left}
--   {"taken", 0}  somebody else holds it
--   {"gone", 0}   nobody holds it, or we no longer share it
-- Calls  ours: 2, shared 3 · otherwise: 1, shared 3
local token = ARGV[1]
--@include keys.lua
--@include mark.lua
--@include holders.lua
local value = redis.call("GET", lock)
if is(value, token) then
  return {"held", redis.call("PTTL", lock)}
end
if not shared(value) then return {value and "taken" or "gone", 0} end
local left = leftOf(token)
return {left and "held" or "gone", left or 0}
