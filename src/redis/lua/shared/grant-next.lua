-- Grants the lock to the next waiters: included by the scripts that may hand it on.
--@include holders.lua
--@include entry.lua
--@include mint.lua
--@include publish.lua
--@include listeners.lua

-- Whether shared holds came or went, so that the ttl of their keys has to be refreshed.
local isTtlStale = false

-- Whether a waiter is so new that its heartbeat is not read before its next check: checks are at most 20 s apart, which
-- leaves 5 of the 30 s for a slow one.
local function isNew(ticket)
  return clock() - ticket <= 5000000
end

-- Whether a waiter came or checked within a time in microseconds, at least 5 s.
local function alive(token, ticket, within)
  if isNew(ticket) then return true end
  local checked = tonumber(redis.call("HGET", heartbeats, token)) or 0
  return clock() - math.max(ticket, checked) <= within
end

-- The lock's value for new shared holds.
local function newBase(limit)
  return "fl_#" .. limit .. "#" .. digits(clock())
end

-- How many more may join the current shared holds. Removes those whose time is over.
local function placesLeft(limit)
  redis.call("ZREMRANGEBYSCORE", holders, "-inf", digits(nowMs()))
  return limit == "0" and math.huge or tonumber(limit) - redis.call("ZCARD", holders)
end

-- Adds a shared hold; returns the lock's value, which `refreshSharedTtl` then has to write.
local function addShared(base, limit, token, ms)
  isTtlStale = true
  if not base then
    -- Remains of earlier holds whose key was deleted.
    redis.call("DEL", holders)
    base = newBase(limit)
  end
  redis.call("ZADD", holders, digits(nowMs() + ms), token)
  return base
end

-- Writes the lock's value, and lets the keys of shared holds live as long as the last of them, which is read unless `ms` is
-- given. `flag` is "+" if there are waiters.
local function refreshSharedTtl(base, flag, ms)
  local ends = digits(nowMs() + (ms or endOf("-1")))
  redis.call("SET", lock, base .. flag, "PXAT", ends)
  redis.call("PEXPIREAT", holders, ends)
end

-- Grants a free lock exclusively, and notifies the new head that it is next. Returns the entry of the head.
local function grantAlone(token, ms)
  local head = redis.call("ZRANGE", queue, "0", "0")[1]
  redis.call("SET", lock, token .. (head and "+" or ""), "PX", ms)
  if head then
    local _, address = parseEntry(head)
    notifyNext(address or "-", ms)
  end
  return head
end

-- Grants the lock to the first live waiter, or to all at the head that may share it, and notifies the next one.
-- `base` and `limit` are those of the shared holds that stay; nil if the lock is free.
-- `caller`, the entry of the waiter that runs this script, gets its full ttl, since it needs no message; others get a lease.
-- `prune` is called with it before any waiter is granted the lock.
-- Returns the lock's value now (nil: free), its ms if it is not shared, the fencing token or "" if the caller was granted the
-- lock, and whether there still are waiters.
local function grantNext(base, limit, caller, ttl, prune)
  local places = base and placesLeft(limit)
  if prune and (not base or places > 0) then prune(caller) end
  local fence, nextAddress, nextMode
  while true do
    -- A free lock goes to the first waiter; a shared one only if that waiter fits in.
    local first = base and redis.call("ZRANGE", queue, "0", "0", "WITHSCORES") or redis.call("ZPOPMIN", queue)
    local entry, ticket = first[1], tonumber(first[2])
    if not entry then break end
    local token, address, lease, fencing, mode = parseEntry(entry)
    local lives = token and (entry == caller or alive(token, ticket, 30000000))
    if base and lives and (mode ~= limit or places < 1) then
      nextAddress, nextMode = address, mode
      break
    end
    if base then redis.call("ZREM", queue, entry) end
    -- Forgets the heartbeat of a waiter that leaves the queue.
    if token and not isNew(ticket) then redis.call("HDEL", heartbeats, token) end
    if lives then
      local ms = entry == caller and ttl or lease
      local minted = fencing == "1" and mint() or ""
      if entry == caller then
        fence = minted
      else
        publish(address, "granted " .. digits(clock()) .. " " .. ms .. " " .. minted)
      end
      if mode == "x" then return token, tonumber(ms), fence, grantAlone(token, ms) end
      places = (places or mode == "0" and math.huge or tonumber(mode)) - 1
      base, limit = addShared(base, mode, token, ms), mode
    end
  end
  if isTtlStale then
    refreshSharedTtl(base, nextAddress and "+" or "")
    -- A waiter that can share waits for the first holder to go, any other for the last.
    if nextAddress then notifyNext(nextAddress, digits(endOf(nextMode == limit and "0" or "-1"))) end
  end
  return base, nil, fence, nextAddress
end
