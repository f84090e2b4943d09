-- The waiters flag: a "+" at the end of the lock's value, which every comparison with that value has to allow for.

-- Whether the value is that token, with or without the flag.
local function isHeldBy(value, token)
  return value == token or value == token .. "+"
end

local function isFlagged(value)
  return string.sub(value, -1) == "+"
end

local function withoutFlag(value)
  return (string.gsub(value, "%+$", ""))
end
