-- How a lock passes to a waiter: included by the scripts that may hand it on.
-- Expects the locals lock, queue, seen, counter.

-- What could not be published: channel, message, channel, message, …
local unsent = {}
local now

-- The server's time in microseconds, asked for once and only if needed.
local function clock()
  if not now then
    local time = redis.call("TIME")
    now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  end
  return now
end

-- tostring would make 1.79e+15 of it.
local function digits(number)
  return string.format("%.0f", number)
end

-- A waiter's entry: token, channel ("-": none), lease in ms, whether it wants a fencing token.
local function fields(entry)
  return string.match(entry, "^(%S+) (%S+) (%d+) ([01])$")
end

-- The next fencing token: the server's time, so that it rises even after the counter was lost.
local function mint()
  local last = tonumber(redis.call("GET", counter)) or 0
  local fence = digits(math.max(last + 1, clock()))
  redis.call("SET", counter, fence, "PX", "86400000")
  return fence
end

-- An answer with what could not be published at its end.
local function reply(answer)
  for _, part in ipairs(unsent) do
    answer[#answer + 1] = part
  end
  return answer
end

local function publish(channel, message)
  if channel == "-" then return end
  local sent = redis.pcall("PUBLISH", channel, message)
  if type(sent) == "table" and sent.err then
    unsent[#unsent + 1] = channel
    unsent[#unsent + 1] = message
  end
end

-- Whether a waiter came so lately that nobody will ask when it checked before it does so again: checks are at most
-- 20 s apart, which leaves 5 s of the 30 for one that is slow.
local function isNew(ticket)
  return clock() - ticket <= 5000000
end

-- A waiter is alive when it came or checked in the last 30 s. Forgets when that was: it is asked of those who go.
local function alive(token, ticket)
  if isNew(ticket) then return true end
  local checked = tonumber(redis.call("HGET", seen, token)) or 0
  redis.call("HDEL", seen, token)
  return clock() - math.max(ticket, checked) <= 30000000
end

-- Gives the lock to the first waiter that is alive and tells the next one that it is next.
-- `caller`, the entry of who asks right now, gets its full ttl, since it needs no message; others get a lease.
-- Returns the token, the ms it was given, its fencing token or ""; nil when nobody waits.
local function serve(caller, ttl)
  while true do
    local popped = redis.call("ZPOPMIN", queue)
    local entry = popped[1]
    if not entry then return nil end
    local token, channel, lease, fencing = fields(entry)
    if token and (alive(token, tonumber(popped[2])) or entry == caller) then
      local ms = entry == caller and ttl or lease
      local fence = fencing == "1" and mint() or ""
      local head = redis.call("ZRANGE", queue, "0", "0")[1]
      redis.call("SET", lock, token .. (head and "+" or ""), "PX", ms)
      if entry ~= caller then
        publish(channel, "granted " .. digits(clock()) .. " " .. ms .. " " .. fence)
      end
      if head then
        local _, next = fields(head)
        publish(next or "-", "next " .. ms)
      end
      return token, ms, fence
    end
  end
end
