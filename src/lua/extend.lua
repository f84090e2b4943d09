-- Lets our hold live for ttl from now on, unless it lives longer already.
--
-- KEYS  lock
-- ARGV  token, ttl in ms
-- Replies
--   "renewed"
--   "taken"  somebody else holds it
--   "gone"   nobody holds it
-- Calls  ours: 2 · otherwise: 1
local token, ttl = ARGV[1], ARGV[2]
local value = redis.call("GET", KEYS[1])
if value == token or value == token .. "+" then
  -- GT: an extension that arrives late must not shorten the hold.
  redis.call("PEXPIRE", KEYS[1], ttl, "GT")
  return "renewed"
end
return value and "taken" or "gone"
