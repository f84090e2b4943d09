-- Messages to waiters: included by the scripts that send some.

-- What could not be published: channel, message, channel, message, …
local unsent = {}

-- An answer with what could not be published at its end.
local function reply(answer)
  for _, part in ipairs(unsent) do
    answer[#answer + 1] = part
  end
  return answer
end

-- Returns how many heard it; nil where that is not known.
local function publish(channel, message)
  if channel == "-" then return end
  local sent = redis.pcall("PUBLISH", channel, message)
  if type(sent) ~= "table" then return tonumber(sent) end
  unsent[#unsent + 1] = channel
  unsent[#unsent + 1] = message
end
