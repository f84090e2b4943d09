-- Takes those before the caller out of the queue whom nobody hears, and who have not shown for 5 s that they live: each would be
-- granted a lease otherwise. That listeners are counted here at all, the caller's own channel shows. Who lives after all is told, and
-- comes back to its place, which is its ticket.
--@include serve.lua

local function skipDead(caller)
  local entries, channels, tickets, heard = audience(caller)
  if entries[#entries] ~= caller or not heard[channels[#entries]] then return end
  for i, channel in ipairs(channels) do
    local token = fields(entries[i])
    if channel ~= "-" and not heard[channel] and not alive(token, tickets[i], 5000000) then
      redis.call("ZREM", queue, entries[i])
      redis.call("HDEL", seen, token)
      publish(channel, "next 0")
    end
  end
end
