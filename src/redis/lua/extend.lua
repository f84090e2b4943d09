-- Extends our hold to at least ttl from now; never shortens it.
--
-- ARGV  token, ttl in ms
-- Replies
--   "renewed"
--   "taken"   another holder has it
--   "gone"    it is not held, or we no longer share it
--   "stolen"  it was stolen from us
-- Calls  ours: 2, shared 6 · otherwise: 2, shared 4
local token, ttl = ARGV[1], ARGV[2]
--@include keys.lua
--@include waiters-flag.lua
--@include holders.lua
local value = redis.call("GET", lock)
if isHeldBy(value, token) then
  -- GT: a delayed extension must not shorten the hold.
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
