-- Takes the lock if it is free or can be shared and no waiter is before us; recognizes it if it is ours already; otherwise
-- waits in the queue or replies how long it is held. Idempotent: a ticket stays, a token is never granted twice and keeps
-- its fencing token.
--
-- ARGV  entry, ttl in ms, action, ticket ("" before there is one)
--   "try"      does not wait
--   "enqueue"  waits, unless it is granted the lock at once: the only action, with "claim", that inserts into the queue
--   "claim"    the same, but takes a free lock without checking the queue
--   "check"    waits already, and sends a heartbeat; takes the lock only from within the queue
-- Replies
--   {"granted", ms left, fencing token or "", …}
--   {"queued", ms the holder has left, "", server time in µs, place (0: next), ticket, 1 if the holder is foreign, …}
--   {"busy", …the same, place -1}  not in the queue
--   {"limit", limit of the holders, …}  it is shared with a limit that differs from ours
--   A key without a ttl has -1 ms left. … stands for messages that could not be published: channel, message, …
-- Calls  claim: free 1, to share 5, held 1 more than enqueue · try, enqueue: free 3, fencing 3 more · try: held 2 · enqueue: held 7 (6 if flagged)
--   ours: 2 (waits: 3) · check: held 5, after 5 s 7
local entry, ttl, action, ticket = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
--@include keys.lua
--@include waiters-flag.lua
--@include set-flag.lua
--@include grant-next.lua
--@include remove-dead.lua
local token, _, _, fencing, mode = parseEntry(entry)
local waits = action ~= "try"

local function answer(kind, ms, fence, time, place, foreign)
  return reply({kind, tonumber(ms), fence, time, place, ticket, foreign and 1 or 0})
end

local function granted(ms, fence)
  return answer("granted", ms, fence, "", -1)
end

local function foreign(value)
  return string.sub(value, 1, 3) ~= "fl_"
end

-- Takes a free lock without checking the queue; nil if it is held.
local function claim()
  if mode == "x" then return redis.call("SET", lock, token, "NX", "PX", ttl) end
  local ends = digits(nowMs() + ttl)
  if not redis.call("SET", lock, newBase(mode), "NX", "PXAT", ends) then return end
  addShared(nil, mode, token, ttl)
  return redis.call("PEXPIREAT", holders, ends)
end

if action == "claim" and claim() then return granted(ttl, "") end

local value = redis.call("GET", lock)
local base, limit = shared(value)
local left, fence, others

-- Grants a lock that is free, or has places left, to the waiters before us, or to us if we are one of them.
local function serve()
  local before = value
  value, left, fence, others = grantNext(base, limit, entry, ttl, action == "check" and removeDead)
  base, limit = shared(value)
  -- As it is stored now: with the flag, if there is one.
  if base and not isTtlStale then value = before elseif others then value = value .. "+" end
end

-- Enters the queue unless it is a check, sends a heartbeat, and sets the waiters flag on a holder of ours.
local function wait()
  local isBack = ticket ~= ""
  if not isBack then ticket = digits(clock()) end
  if action ~= "check" and redis.call("ZADD", queue, "NX", ticket, entry) == 0 and not isBack then
    ticket = digits(tonumber(redis.call("ZSCORE", queue, entry)))
  end
  redis.call("PEXPIRE", queue, "30000")
  -- The heartbeat of a new waiter is never read, and would stay until the queue is empty.
  if isBack and not isNew(tonumber(ticket)) then
    redis.call("HSET", heartbeats, token, digits(clock()))
    redis.call("PEXPIRE", heartbeats, "30000")
  end
  -- False if its hold has just expired.
  if value and not foreign(value) and not setFlag(value) then value, base = nil, nil end
end

local isOurs = isHeldBy(value, token)
local ourMs = base and mode ~= "x" and leftOf(token)
if isOurs or ourMs then
  -- A delayed SET may have taken it while we were in the queue.
  if waits then redis.call("ZREM", queue, entry) end
  -- Only exclusive holds mint, so the last fencing token belongs to this hold.
  local fence = fencing == "1" and (redis.call("GET", counter) or mint()) or ""
  return granted(ourMs or redis.call("PTTL", lock), fence)
end
if base and mode ~= "x" and mode ~= limit and action ~= "check" then
  return answer("limit", limit, "", "", -1)
end

-- A waiter keeps its place, whatever happens; a newcomer first tries without one.
local isWaiter = ticket ~= ""
if isWaiter then wait() end
-- Without the flag there are no waiters.
if not value or base and (isWaiter or isFlagged(value)) then
  serve()
  if fence then return granted(ttl, fence) end
  if not value and action == "check" then
    -- We are not in the queue, so we may have left: a delayed check must not lock the name for a caller that is gone.
    return answer("busy", 0, "", digits(clock()), -1)
  end
end
if not value and mode == "x" then
  fence = fencing == "1" and mint() or ""
  redis.call("SET", lock, token, "NX", "PX", ttl)
  return granted(ttl, fence)
end
if not isWaiter and not others and mode ~= "x" and (not value or mode == limit and placesLeft(limit) > 0) then
  refreshSharedTtl(addShared(base, mode, token, ttl), "", not base and ttl)
  return granted(ttl, "")
end
if waits and not isWaiter then
  wait()
  if not value then
    serve()
    if fence then return granted(ttl, fence) end
  end
end

if not left then left = base and mode == limit and endOf("0") or redis.call("PTTL", lock) end
local place = waits and redis.call("ZRANK", queue, entry)
local time = waits and digits(clock()) or ""
return answer(place and "queued" or "busy", left, "", time, place or -1, foreign(value))
