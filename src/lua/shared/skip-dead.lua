-- Takes those before the caller out of the queue whom nobody hears: each would be granted a lease otherwise. That listeners are
-- counted here at all, the caller's own channel shows. Who lives after all is told, and comes back to its place, which is its ticket.
--@include audience.lua

local function skipDead(caller)
  local entries, channels, heard = audience(caller)
  if entries[#entries] ~= caller or not heard[channels[#entries]] then return end
  for i, channel in ipairs(channels) do
    if not heard[channel] and channel ~= "-" then
      redis.call("ZREM", queue, entries[i])
      redis.call("HDEL", seen, (fields(entries[i])))
      publish(channel, "next 0")
    end
  end
end
