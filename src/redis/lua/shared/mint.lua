-- Fencing tokens: included by the scripts that grant a lock.
--@include clock.lua

-- Mints the next one: the server's time, so that it rises even if the counter was lost.
local function mint()
  local last = tonumber(redis.call("GET", counter)) or 0
  local fence = digits(math.max(last + 1, clock()))
  redis.call("SET", counter, fence, "PX", "86400000")
  return fence
end
