-- Says whether the lock is ours, and for how long still. Changes nothing.
--
-- KEYS  lock
-- ARGV  token
-- Replies
--   {"held", ms left}
--   {"taken", 0}  somebody else holds it
--   {"gone", 0}   nobody holds it
-- Calls  ours: 2 · otherwise: 1
local token = ARGV[1]
local value = redis.call("GET", KEYS[1])
if value == token or value == token .. "+" then
  return {"held", redis.call("PTTL", KEYS[1])}
end
return {value and "taken" or "gone", 0}
