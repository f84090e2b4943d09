-- Lets our hold live for ttl from now on, unless it lives longer already.
--
-- ARGV  token, ttl in ms
-- Replies
--   "renewed"
--   "taken"   somebody else holds it
--   "gone"    nobody holds it, or we no longer share it
--   "stolen"  somebody took it on purpose
-- Calls  ours: 2, shared 6 · otherwise: 2, shared 4
local token, ttl = ARGV[1], ARGV[2]
--@include keys.lua
--@include mark.lua
--@include holders.lua
local value = redis.call("GET", lock)
if is(value, token) then
  -- GT: an extension that arrives late must not shorten the hold.
  redis.call("PEXPIRE", lock, ttl, "GT")
  return "renewed"
end
local left = shared(value) and leftOf(token)
if not left then
  if redis.call("SISMEMBER", stolen, token) == 1 then return "stolen" end
  return value and not shared(value) and "taken" or "gone"
end
if tonumber(ttl) > left then
  local ends = digits(nowMs() + ttl)
  redis.call("ZADD", holders, ends, token)
  redis.call("PEXPIREAT", lock, ends, "GT")
  redis.call("PEXPIREAT", holders, ends, "GT")
end
return "renewed"
