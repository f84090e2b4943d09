-- Removes waiters before the caller that have no listener and no heartbeat for 5 s: each would be granted a lease otherwise.
-- Only if the caller's own channel shows that listeners are counted here at all. A removed waiter that lives after all is
-- notified, and enters again at its old place, which is its ticket.
--@include grant-next.lua

local function removeDead(caller)
  local entries, addresses, tickets, isListening = findListeners(caller)
  if entries[#entries] ~= caller or not isListening[addresses[#entries]] then return end
  for i, address in ipairs(addresses) do
    local token = parseEntry(entries[i])
    if address ~= "-" and not isListening[address] and not alive(token, tickets[i], 5000000) then
      redis.call("ZREM", queue, entries[i])
      redis.call("HDEL", heartbeats, token)
      publish(address, "next 0")
    end
  end
end
