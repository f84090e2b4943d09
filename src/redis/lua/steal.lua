-- Takes the lock from whoever has it, in two steps: the first says what stands there, the second replaces that and
-- nothing else, so that a copy which arrives late robs nobody. The queue stays, and its mark.
--
-- ARGV  token, ttl in ms, digest of what was found before ("" in the first step), "1" for a fencing token
-- Replies
--   {"granted", ms left, fencing token or ""}
--   {"held", 0, digest of what stands there}
-- Calls  held: 1 · free: 3 · replaced: 7, of two who share it 10 · fencing: 3 more
local token, ttl, found, fencing = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
--@include keys.lua
--@include mark.lua
--@include holders.lua
--@include mint.lua
local value = redis.call("GET", lock)
if is(value, token) then
  return {"granted", redis.call("PTTL", lock), fencing == "1" and (redis.call("GET", counter) or mint()) or ""}
end
if value then
  -- The token itself would be the right to release it.
  local digest = redis.sha1hex(unmarked(value))
  if digest ~= found then return {"held", 0, digest} end
  -- So that those who are robbed can be told what happened, for as long as they might ask.
  local life = math.max(redis.call("PTTL", lock), redis.call("PTTL", stolen), 1)
  if shared(value) then
    for _, robbed in ipairs(redis.call("ZRANGE", holders, "0", "-1")) do
      redis.call("SADD", stolen, robbed)
    end
    redis.call("DEL", holders)
  else
    redis.call("SADD", stolen, unmarked(value))
  end
  redis.call("PEXPIRE", stolen, digits(life))
end
local mark = redis.call("EXISTS", queue) == 1 and "+" or ""
redis.call("SET", lock, token .. mark, "PX", ttl)
return {"granted", tonumber(ttl), fencing == "1" and mint() or ""}
