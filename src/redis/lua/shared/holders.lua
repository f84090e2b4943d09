-- Shared holds: included by the scripts that support them.
--
-- The lock's value is then not a token but "fl_#", the limit of holders (0: unlimited), "#", and when the first of them
-- came; with the waiters flag at its end. `holders` contains each holder with the server's time in ms at which its hold
-- ends, and both keys live as long as the last of them.
--@include clock.lua

-- The lock's value for shared holds, without the flag, and their limit; nil for any other value.
local function shared(value)
  return string.match(value or "", "^(fl_#(%d+)#%d+)")
end

local function nowMs()
  return math.floor(clock() / 1000)
end

-- The ms until a shared hold ends; nil if it has ended. One that ends in this very millisecond has: a ttl of 0 would delete
-- the keys of the others.
local function untilMs(ends)
  ends = tonumber(ends)
  if ends and ends > nowMs() then return ends - nowMs() end
end

local function leftOf(token)
  return untilMs(redis.call("ZSCORE", holders, token) or nil)
end

-- The ms until the first ("0") or the last ("-1") shared hold ends; nil if there is none.
local function endOf(place)
  return untilMs(redis.call("ZRANGE", holders, place, place, "WITHSCORES")[2])
end
