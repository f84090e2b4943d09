-- Who in the queue is heard, asked only where somebody seems to have died: nobody listens to the channels of a dead process.
--@include entry.lua
--@include publish.lua

-- The entries of those who wait, up to `last`, and their channels that somebody listens to. Of one alone that is not asked.
local function audience(last)
  local entries, channels, heard = {}, {}, {}
  for i, entry in ipairs(redis.call("ZRANGE", queue, "0", "999")) do
    local _, channel = fields(entry)
    entries[i], channels[i] = entry, channel or "-"
    if entry == last then break end
  end
  -- An error has no such items.
  local counts = #entries > 1 and redis.pcall("PUBSUB", "NUMSUB", unpack(channels)) or {}
  for i = 2, #counts, 2 do
    heard[counts[i - 1]] = counts[i] > 0
  end
  return entries, channels, heard
end

-- Tells the one that is next when to ask; or, when it does not hear that, the first that does: it would be the next to live.
local function tellNext(channel, ms)
  local message = "next " .. ms
  if publish(channel, message) ~= 0 then return end
  local _, channels, heard = audience()
  for _, other in ipairs(channels) do
    if heard[other] then
      publish(other, message)
      return
    end
  end
end
