-- Takes the lock if it is free and nobody is before us, recognises it if it is ours, and otherwise waits in the queue
-- or says who has it. Safe to send again: a ticket stays, a token is never granted twice and keeps its fencing token.
--
-- KEYS  lock, queue, seen, fencing counter
-- ARGV  entry, ttl in ms, action, ticket ("" before there is one)
--   "try"      does not wait
--   "enqueue"  waits: the one action that inserts into the queue
--   "check"    waits already, and shows that it is alive; takes the lock only out of the queue
-- Replies
--   {"granted", ms left, fencing token or "", …}
--   {"queued", ms the holder has left, "", server time in µs, place from 0 on, ticket, 1 if the holder is foreign, …}
--   {"busy", …the same, place -1}  not in the queue
--   An unlimited key has -1 ms left. … stands for messages that could not be published: channel, message, …
-- Calls  try: free 3, held 2, ours 2 · enqueue: held 7 (6 if marked) · check: held 5, after 5 s 7 · fencing: 3 more
local entry, ttl, action, ticket = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local lock, queue, seen, counter = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
--@include serve.lua
local token, _, _, fencing = fields(entry)
local waits = action ~= "try"

local function granted(ms, fence)
  return reply({"granted", tonumber(ms), fence, "", -1, "", 0})
end

local function foreign(value)
  return string.sub(value, 1, 3) ~= "fl_"
end

-- Tells the holder that somebody waits. False when its hold has just expired.
local function mark(value)
  if foreign(value) or string.sub(value, -1) == "+" then return true end
  if redis.call("APPEND", lock, "+") == #value + 1 then return true end
  -- APPEND made a key without a ttl of it.
  redis.call("DEL", lock)
  return false
end

local value = redis.call("GET", lock)
if value == token or value == token .. "+" then
  -- A SET that arrived late may have taken it while we were in the queue.
  if waits then redis.call("ZREM", queue, entry) end
  -- Exclusive holds alone mint, so the last one is this hold's.
  local fence = fencing == "1" and (redis.call("GET", counter) or mint()) or ""
  return granted(redis.call("PTTL", lock), fence)
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
  if value and not mark(value) then value = false end
end

local left
if value then
  left = redis.call("PTTL", lock)
else
  local winner, ms, fence = serve(entry, ttl)
  if not winner and action == "check" then
    -- Not in the queue, so it may have left: a check that arrives late must not lock the name for nobody.
    return reply({"busy", 0, "", digits(clock()), -1, ticket, 0})
  end
  if not winner then
    winner, ms, fence = token, ttl, fencing == "1" and mint() or ""
    redis.call("SET", lock, token, "NX", "PX", ttl)
  end
  if winner == token then return granted(ms, fence) end
  value, left = winner, tonumber(ms)
end

local place = waits and redis.call("ZRANK", queue, entry)
local kind = place and "queued" or "busy"
local time = waits and digits(clock()) or ""
return reply({kind, left, "", time, place or -1, ticket, foreign(value) and 1 or 0})
