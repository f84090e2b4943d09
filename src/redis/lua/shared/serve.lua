-- How a lock passes to those who wait: included by the scripts that may hand it on.
--@include holders.lua
--@include entry.lua
--@include mint.lua
--@include publish.lua
--@include audience.lua

-- Whether shared holds came or went, so that the life of their keys has to follow.
local isStale = false

-- Whether a waiter came so lately that nobody will ask when it checked before it does so again: checks are at most
-- 20 s apart, which leaves 5 s of the 30 for one that is slow.
local function isNew(ticket)
  return clock() - ticket <= 5000000
end

-- Whether a waiter came or checked in so many microseconds, at least 5 s.
local function alive(token, ticket, within)
  if isNew(ticket) then return true end
  local checked = tonumber(redis.call("HGET", seen, token)) or 0
  return clock() - math.max(ticket, checked) <= within
end

-- How many more may join the shared holds that there are. Forgets those whose time is over.
local function room(limit)
  redis.call("ZREMRANGEBYSCORE", holders, "-inf", "(" .. digits(nowMs()))
  return limit == "0" and math.huge or tonumber(limit) - redis.call("ZCARD", holders)
end

-- Enters a shared hold; returns what belongs into the lock's key, in which `settle` then writes it.
local function share(base, limit, token, ms)
  isStale = true
  if not base then
    -- What is left of earlier holds, whose key was deleted.
    redis.call("DEL", holders)
    base = "fl_#" .. limit .. "#" .. digits(clock())
  end
  redis.call("ZADD", holders, digits(nowMs() + ms), token)
  return base
end

-- Lets the keys of shared holds live as long as the last of them, which is asked for unless its ms are known; `mark` is
-- "+" while somebody waits.
local function settle(base, mark, ms)
  local ends = digits(nowMs() + (ms or endOf("-1")))
  redis.call("SET", lock, base .. mark, "PXAT", ends)
  redis.call("PEXPIREAT", holders, ends)
end

-- Gives a free lock to one alone, and tells whoever is first now that it is next. Returns that one's entry.
local function grantAlone(token, ms)
  local head = redis.call("ZRANGE", queue, "0", "0")[1]
  redis.call("SET", lock, token .. (head and "+" or ""), "PX", ms)
  if head then
    local _, channel = fields(head)
    tellNext(channel or "-", ms)
  end
  return head
end

-- Gives the lock to the first waiter that is alive, or to all at the head that may share it, and tells the next one.
-- `base` and `limit` are those of the shared holds that stay; nil when the lock is free.
-- `caller`, the entry of who asks right now, gets its full ttl, since it needs no message; others get a lease. `skip` is called
-- with it where somebody can be served.
-- Returns what stands in the lock's key now (nil: nothing), its ms if it is not shared, the fencing token or "" if the
-- caller was served, and whether somebody still waits.
local function serve(base, limit, caller, ttl, skip)
  local places = base and room(limit)
  if skip and (not base or places > 0) then skip(caller) end
  local fence, nextChannel, nextMode
  while true do
    -- Where the lock is free, the first of all gets it; where it is shared, the first has to fit in.
    local first = base and redis.call("ZRANGE", queue, "0", "0", "WITHSCORES") or redis.call("ZPOPMIN", queue)
    local entry, ticket = first[1], tonumber(first[2])
    if not entry then break end
    local token, channel, lease, fencing, mode = fields(entry)
    local lives = token and (entry == caller or alive(token, ticket, 30000000))
    if base and lives and (mode ~= limit or places < 1) then
      nextChannel, nextMode = channel, mode
      break
    end
    if base then redis.call("ZREM", queue, entry) end
    -- When it checked is asked of those who go.
    if token and not isNew(ticket) then redis.call("HDEL", seen, token) end
    if lives then
      local ms = entry == caller and ttl or lease
      local minted = fencing == "1" and mint() or ""
      if entry == caller then
        fence = minted
      else
        publish(channel, "granted " .. digits(clock()) .. " " .. ms .. " " .. minted)
      end
      if mode == "x" then return token, tonumber(ms), fence, grantAlone(token, ms) end
      places = (places or mode == "0" and math.huge or tonumber(mode)) - 1
      base, limit = share(base, mode, token, ms), mode
    end
  end
  if isStale then
    settle(base, nextChannel and "+" or "")
    -- Who wants to share waits for the first one to go, everyone else for the last.
    if nextChannel then tellNext(nextChannel, digits(endOf(nextMode == limit and "0" or "-1"))) end
  end
  return base, nil, fence, nextChannel
end
