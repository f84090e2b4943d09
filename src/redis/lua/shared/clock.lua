-- The server's clock.
local now

-- The server's time in microseconds, read once and only if needed.
local function clock()
  if not now then
    local time = redis.call("TIME")
    now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  end
  return now
end

-- tostring would return 1.79e+15.
local function digits(number)
  return string.format("%.0f", number)
end
