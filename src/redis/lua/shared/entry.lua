-- Parses a waiter's entry: token, address ("-": none), lease in ms, whether it requests a fencing token, and how many may
-- share the lock with it ("x": exclusive, "0": unlimited). Created by `waiterEntry` in queue.ts.
local function parseEntry(entry)
  return string.match(entry, "^(%S+) (%S+) (%d+) ([01]) (%w+)$")
end
