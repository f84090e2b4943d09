-- Steals the lock in two steps: the first returns a digest of the current value, the second replaces exactly that value, so
-- that a delayed copy steals nothing. The queue and the waiters flag stay.
--
-- ARGV  token, ttl in ms, digest from the first step ("" in that step), "1" for a fencing token
-- Replies
--   {"granted", ms left, fencing token or "", …}
--   {"held", 0, digest of the current value}
--   … stands for messages that could not be published: channel, message, …
-- Calls  held: 1 · free: 3 · replaced: 7, of two who share it 10 · fencing: 3 more · each holder that watches: 1 more
local token, ttl, found, fencing = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
--@include keys.lua
--@include waiters-flag.lua
--@include holders.lua
--@include mint.lua
--@include publish.lua

-- Notifies a holder that watches: the end of its token says so.
local function notify(token)
  if string.sub(token, -2) == ".w" then publish("fetchlock-" .. redis.sha1hex(token), "stolen") end
end

local previous = {}
local value = redis.call("GET", lock)
if isHeldBy(value, token) then
  return {"granted", redis.call("PTTL", lock), fencing == "1" and (redis.call("GET", counter) or mint()) or ""}
end
if value then
  -- A digest, since the token itself would allow the caller to release the lock.
  local digest = redis.sha1hex(withoutFlag(value))
  if digest ~= found then return {"held", 0, digest} end
  -- Lets the previous holders find out that the lock was stolen, for as long as their holds would have lasted.
  local life = math.max(redis.call("PTTL", lock), redis.call("PTTL", stolen), 1)
  if shared(value) then
    previous = redis.call("ZRANGE", holders, "0", "-1")
    redis.call("DEL", holders)
  else
    previous = {withoutFlag(value)}
  end
  for _, holder in ipairs(previous) do
    redis.call("SADD", stolen, holder)
  end
  redis.call("PEXPIRE", stolen, digits(life))
end
local flag = redis.call("EXISTS", queue) == 1 and "+" or ""
redis.call("SET", lock, token .. flag, "PX", ttl)
local answer = {"granted", tonumber(ttl), fencing == "1" and mint() or ""}
for _, holder in ipairs(previous) do
  notify(holder)
end
return reply(answer)
