-- Finds the waiters whose channels have a listener: the channel of a dead process has none. Only used if a waiter seems dead.
--@include entry.lua
--@include publish.lua

-- The waiters up to `last`: entries, addresses, tickets, and which addresses have a listener (not read for a single waiter).
local function findListeners(last)
  local entries, addresses, tickets, isListening, channels, hasListener = {}, {}, {}, {}, {}, {}
  local line = redis.call("ZRANGE", queue, "0", "999", "WITHSCORES")
  for at = 1, #line, 2 do
    local _, address = parseEntry(line[at])
    local i = #entries + 1
    entries[i], addresses[i], tickets[i] = line[at], address or "-", tonumber(line[at + 1])
    channels[i] = parseAddress(addresses[i])
    if line[at] == last then break end
  end
  -- An error reply has no items.
  local counts = #entries > 1 and redis.pcall("PUBSUB", "NUMSUB", unpack(channels)) or {}
  for i = 2, #counts, 2 do
    hasListener[counts[i - 1]] = (tonumber(counts[i]) or 0) > 0
  end
  for i, address in ipairs(addresses) do
    isListening[address] = hasListener[channels[i]]
  end
  return entries, addresses, tickets, isListening
end

-- Tells the next waiter when to check. If it does not listen, it tells the first waiter that does: probably the next live one.
local function notifyNext(address, ms)
  local message = "next " .. ms
  if publish(address, message) ~= 0 then return end
  local _, addresses, _, isListening = findListeners()
  for _, other in ipairs(addresses) do
    if isListening[other] then
      publish(other, message)
      return
    end
  end
end
