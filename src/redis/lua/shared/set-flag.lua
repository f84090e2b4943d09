-- Sets the waiters flag on the holder's value, unless it is set. False if its hold has just expired.
local function setFlag(value)
  if isFlagged(value) or redis.call("APPEND", lock, "+") == #value + 1 then return true end
  -- APPEND has created a key without a ttl.
  redis.call("DEL", lock)
  return false
end
