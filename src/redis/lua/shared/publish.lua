-- Messages to waiters: included by the scripts that send them.

-- The messages that could not be published: channel, message, channel, message, …
local unsent = {}

-- Appends the messages that could not be published to an answer.
local function reply(answer)
  for _, part in ipairs(unsent) do
    answer[#answer + 1] = part
  end
  return answer
end

-- The channel and the waiter of an address, which is "channel", or "channel.waiter" where waiters share a stream.
local function parseAddress(address)
  return string.match(address, "^([^.]+)%.?(.*)$")
end

-- Returns the number of receivers; nil if it is not known. On a shared channel, a message begins with its waiter.
local function publish(address, message)
  if address == "-" then return end
  local channel, waiter = parseAddress(address)
  if waiter ~= "" then message = waiter .. " " .. message end
  local sent = redis.pcall("PUBLISH", channel, message)
  if type(sent) ~= "table" then return tonumber(sent) end
  unsent[#unsent + 1] = channel
  unsent[#unsent + 1] = message
end
