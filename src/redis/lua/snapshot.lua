-- Lists the holders and waiters of some locks: clients and times, never tokens. Changes nothing.
--
-- KEYS  the keys of each lock, one lock after the other
-- ARGV  the number of keys of each lock, the most holders and waiters to list for each lock
-- Replies  for each lock two flat lists:
--   holders: client ("": foreign), ms left (-1: its key never expires), mode, …
--   waiters: client, server time of its arrival in ms, mode, …
-- Calls  for each lock: free 2 · held 3 · shared 3, and TIME once
local perLock, most = tonumber(ARGV[1]), ARGV[2] - 1
local lock, queue, holders, _
--@include waiters-flag.lua
--@include holders.lua
--@include entry.lua

-- fl_<client>_ and 24 random characters, without the flag.
local function clientOf(value)
  return string.match(withoutFlag(value), "^fl_(.+)_........................$") or ""
end

local function add(list, ...)
  for _, part in ipairs({...}) do
    list[#list + 1] = part
  end
end

local locks = {}
for i = 1, #KEYS, perLock do
  lock, queue, _, _, holders = unpack(KEYS, i, i + perLock - 1)
  local held, pending = {}, {}
  -- A key of another type is not a lock.
  local value = redis.pcall("GET", lock)
  if type(value) == "string" then
    if shared(value) then
      local since = "(" .. digits(nowMs())
      local entries = redis.call("ZRANGEBYSCORE", holders, since, "+inf", "WITHSCORES", "LIMIT", "0", digits(most + 1))
      for at = 1, #entries, 2 do
        add(held, clientOf(entries[at]), untilMs(entries[at + 1]), "shared")
      end
    else
      add(held, clientOf(value), redis.call("PTTL", lock), "exclusive")
    end
  end
  local waiters = redis.call("ZRANGE", queue, "0", digits(most), "WITHSCORES")
  for at = 1, #waiters, 2 do
    local token, _, _, _, mode = parseEntry(waiters[at])
    if token then
      add(pending, clientOf(token), digits(math.floor(waiters[at + 1] / 1000)), mode == "x" and "exclusive" or "shared")
    end
  end
  add(locks, held, pending)
end
return locks
