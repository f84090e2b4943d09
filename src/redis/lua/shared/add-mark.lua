-- Marks the holder whose value that is, if it is not marked. False when its hold has just expired.
local function addMark(value)
  if isMarked(value) or redis.call("APPEND", lock, "+") == #value + 1 then return true end
  -- APPEND made a key without a ttl of it.
  redis.call("DEL", lock)
  return false
end
