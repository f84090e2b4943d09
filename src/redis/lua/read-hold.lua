-- Reads whether the lock is ours, and its time left. Changes nothing.
--
-- ARGV  token
-- Replies
--   {"held", ms left}
--   {"taken", ms the holder has left}  another holder has it
--   {"gone", ms the holders have left}  it is not held (-2), or we no longer share it
-- Calls  ours: 2, shared 3 · otherwise: 2, shared 4
local token = ARGV[1]
--@include keys.lua
--@include waiters-flag.lua
--@include holders.lua
local value = redis.call("GET", lock)
if isHeldBy(value, token) then
  return {"held", redis.call("PTTL", lock)}
end
if not shared(value) then return {value and "taken" or "gone", redis.call("PTTL", lock)} end
local left = leftOf(token)
return {left and "held" or "gone", left or redis.call("PTTL", lock)}
