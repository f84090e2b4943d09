-- The mark of the queue: whoever compares the lock's value includes it, since "+" may stand at its end.

-- Whether the value is that token, somebody waiting or not.
local function is(value, token)
  return value == token or value == token .. "+"
end

local function isMarked(value)
  return string.sub(value, -1) == "+"
end

local function unmarked(value)
  return (string.gsub(value, "%+$", ""))
end
