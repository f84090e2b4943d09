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

-- Returns the number of receivers; nil if it is not known.
local function publish(channel, message)
  if channel == "-" then return end
  local sent = redis.pcall("PUBLISH", channel, message)
  if type(sent) ~= "table" then return tonumber(sent) end
  unsent[#unsent + 1] = channel
  unsent[#unsent + 1] = message
end
