-- A waiter's entry: token, channel ("-": none), lease in ms, whether it wants a fencing token, and how many may hold
-- the lock together with it ("x": nobody, "0": any number). Made by waiter-entry.ts.
local function fields(entry)
  return string.match(entry, "^(%S+) (%S+) (%d+) ([01]) (%w+)$")
end
