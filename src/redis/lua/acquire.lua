-- Takes the lock if it is free, or shares it with those it may be shared with, and nobody is before us; recognises it
-- if it is ours; and otherwise waits in the queue or says who has it. Safe to send again: a ticket stays, a token is
-- never granted twice and keeps its fencing token.
--
-- ARGV  entry, ttl in ms, action, ticket ("" before there is one)
--   "try"      does not wait
--   "enqueue"  waits: the one action that inserts into the queue
--   "check"    waits already, and shows that it is alive; takes the lock only out of the queue
-- Replies
--   {"granted", ms left, fencing token or "", …}
--   {"queued", ms the holder has left, "", server time in µs, place from 0 on, ticket, 1 if the holder is foreign, …}
--   {"busy", …the same, place -1}  not in the queue
--   {"limit", limit of the holders, …}  they share it with another limit than ours
--   An unlimited key has -1 ms left. … stands for messages that could not be published: channel, message, …
-- Calls  try: free 3, held 2, ours 2 · enqueue: held 7 (6 if marked) · check: held 5, after 5 s 7 · fencing: 3 more
local entry, ttl, action, ticket = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
--@include keys.lua
--@include mark.lua
--@include add-mark.lua
--@include serve.lua
--@include skip-dead.lua
local token, _, _, fencing, mode = fields(entry)
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

-- Tells the holder that somebody waits. False when its hold has just expired.
local function mark(value)
  return foreign(value) or addMark(value)
end

local value = redis.call("GET", lock)
local base, limit = shared(value)
local isOurs = is(value, token)
local ourMs = base and mode ~= "x" and leftOf(token)
if isOurs or ourMs then
  -- A SET that arrived late may have taken it while we were in the queue.
  if waits then redis.call("ZREM", queue, entry) end
  -- Exclusive holds alone mint, so the last one is this hold's.
  local fence = fencing == "1" and (redis.call("GET", counter) or mint()) or ""
  return granted(ourMs or redis.call("PTTL", lock), fence)
end
if base and mode ~= "x" and mode ~= limit and action ~= "check" then
  return answer("limit", limit, "", "", -1)
end

if waits then
  local isBack = ticket ~= ""
  if not isBack then ticket = digits(clock()) end
  if action == "enqueue" and redis.call("ZADD", queue, "NX", ticket, entry) == 0 and not isBack then
    ticket = digits(tonumber(redis.call("ZSCORE", queue, entry)))
  end
  redis.call("PEXPIRE", queue, "30000")
  -- What nobody would ask for is not noted: it would stay for as long as there are waiters.
  if isBack and not isNew(tonumber(ticket)) then
    redis.call("HSET", seen, token, digits(clock()))
    redis.call("PEXPIRE", seen, "30000")
  end
  if value and not mark(value) then value, base = nil, nil end
end

local left, fence, others
-- Unmarked, nobody waits for it.
if not value or base and (waits or isMarked(value)) then
  -- A check finds a place free where a hold was not released but over: whoever died there may not have been alone.
  value, left, fence, others = serve(base, limit, entry, ttl, action == "check" and skipDead)
  if fence then return granted(ttl, fence) end
  base, limit = shared(value)
  if not value and action == "check" then
    -- Not in the queue, so it may have left: a check that arrives late must not lock the name for nobody.
    return answer("busy", 0, "", digits(clock()), -1)
  end
end
if not value and mode == "x" then
  fence = fencing == "1" and mint() or ""
  redis.call("SET", lock, token, "NX", "PX", ttl)
  return granted(ttl, fence)
end
if not waits and not others and mode ~= "x" and (not value or mode == limit and room(limit) > 0) then
  settle(share(base, mode, token, ttl), "", not base and ttl)
  return granted(ttl, "")
end

if not left then left = base and mode == limit and endOf("0") or redis.call("PTTL", lock) end
local place = waits and redis.call("ZRANK", queue, entry)
local time = waits and digits(clock()) or ""
return answer(place and "queued" or "busy", left, "", time, place or -1, foreign(value))
