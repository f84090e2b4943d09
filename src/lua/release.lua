-- Frees the lock if it is ours.
--
-- KEYS  lock
-- ARGV  token
-- Replies
--   "released"
--   "taken"  somebody else holds it
--   "gone"   nobody holds it
-- Calls  ours: 2 · otherwise: 1
local token = ARGV[1]
local value = redis.call("GET", KEYS[1])
if value == token or value == token .. "+" then
  redis.call("DEL", KEYS[1])
  return "released"
end
return value and "taken" or "gone"
