-- Who in the queue is heard, asked only where somebody seems to have died: nobody listens to the channels of a dead process.
--@include entry.lua
--@include publish.lua

-- Those who wait, up to `last`: entries, channels, tickets, and the channels that somebody listens to. Of one alone that is not asked.
local function audience(last)
  local entries, channels, tickets, heard = {}, {}, {}, {}
  local line = redis.call("ZRANGE", queue, "0", "999", "WITHSCORES")
  for at = 1, #line, 2 do
    local _, channel = fields(line[at])
    local i = #entries + 1
    entries[i], channels[i], tickets[i] = line[at], channel or "-", tonumber(line[at + 1])
    if line[at] == last then break end
  end
  -- An error has no such items.
  local counts = #entries > 1 and redis.pcall("PUBSUB", "NUMSUB", unpack(channels)) or {}
  for i = 2, #counts, 2 do
    heard[counts[i - 1]] = (tonumber(counts[i]) or 0) > 0
  end
  return entries, channels, tickets, heard
end

-- Tells the one that is next when to ask; or, when it does not hear that, the first that does: it would be the next to live.
local function tellNext(channel, ms)
  local message = "next " .. ms
  if publish(channel, message) ~= 0 then return end
  local _, channels, _, heard = audience()
  for _, other in ipairs(channels) do
    if heard[other] then
      publish(other, message)
      return
    end
  end
end
