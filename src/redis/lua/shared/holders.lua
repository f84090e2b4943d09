-- Shared holds: included by the scripts that must know them.
--
-- The lock's value is then no token but "fl_#", how many may hold it at once (0: any number), "#", and when the first
-- of them came; with the mark of the queue at its end. Each holder stands in `holders` with the server's time in ms at
-- which its hold ends, and both keys live as long as the last of them.
--@include clock.lua

-- What stands in the lock's key for shared holds, without its mark, and their limit; nil for any other value.
local function shared(value)
  return string.match(value or "", "^(fl_#(%d+)#%d+)")
end

local function nowMs()
  return math.floor(clock() / 1000)
end

-- The ms until a shared hold ends; nil when it has.
local function untilMs(ends)
  ends = tonumber(ends)
  if ends and ends >= nowMs() then return ends - nowMs() end
end

local function leftOf(token)
  return untilMs(redis.call("ZSCORE", holders, token) or nil)
end

-- The ms until the first ("0") or the last ("-1") shared hold ends; nil when there are none.
local function endOf(place)
  return untilMs(redis.call("ZRANGE", holders, place, place, "WITHSCORES")[2])
end
