-- Fencing tokens: included by the scripts that grant.
--@include clock.lua

-- The next one: the server's time, so that it rises even after the counter was lost.
local function mint()
  local last = tonumber(redis.call("GET", counter)) or 0
  local fence = digits(math.max(last + 1, clock()))
  redis.call("SET", counter, fence, "PX", "86400000")
  return fence
end
