-- Frees the lock if it is ours, or hands it on to the waiters; with an entry, also leaves the queue.
-- The lock is never free in between, so no other caller can barge in.
--
-- ARGV  token, entry ("" if it never waited), "1" to try DELEX first, if no waiters are known
-- Replies
--   {"released", lacks, …}
--   {"taken", lacks, …}  another holder has it
--   {"gone", lacks, …}   it was not held, or we no longer shared it
--   lacks is 1 if DELEX was tried and the server does not know it, else 0
--   … stands for messages that could not be published: channel, message, …
-- Calls  no waiters: 2, by DELEX 1, after all have left 3 · handed on: 7, to the last waiter 6 · taken: 1 · gone: 2 · entry: 2 more
local token, entry, tryDelex = ARGV[1], ARGV[2], ARGV[3]
--@include keys.lua
--@include waiters-flag.lua
--@include grant-next.lua
local lacks = 0
if tryDelex == "1" then
  -- One call instead of two. A flagged value differs from the token, so no waiter is skipped.
  local deleted = redis.pcall("DELEX", lock, "IFEQ", token)
  if deleted == 1 then return reply({"released", 0}) end
  -- Any other error (READONLY, OOM) is temporary, or the DEL below fails with it, too.
  local failure = type(deleted) == "table" and string.lower(deleted.err or "")
  if failure and (failure:find("unknown.* command") or failure:find("syntax error", 1, true)) then lacks = 1 end
end
local value = redis.call("GET", lock)
local base, limit = shared(value)
local hasWaiters = value and isFlagged(value)
if entry ~= "" then
  redis.call("ZREM", queue, entry)
  redis.call("HDEL", heartbeats, token)
end
local result = "taken"
if value == token and entry == "" then
  -- Without the flag there are no waiters.
  redis.call("DEL", lock)
  result = "released"
elseif isHeldBy(value, token) then
  if not grantNext() then redis.call("DEL", lock) end
  result = "released"
elseif base then
  -- The two holds that end last: one of them is the last of the others.
  local two = redis.call("ZRANGE", holders, "-2", "-1", "WITHSCORES")
  local isLast = two[#two - 1] == token
  local ends = isLast and two[#two] or two[1] == token and two[2] or redis.call("ZSCORE", holders, token)
  local last
  if ends then
    last = untilMs(two[isLast and #two - 2 or #two])
    -- Otherwise the list is deleted with the lock, or by the next who share it.
    if last then redis.call("ZREM", holders, token) end
    -- The key still exists, so a hold lasts until now: if no other does, it was ours.
    isTtlStale = last and (isLast or hasWaiters)
    if not last then base = nil end
  end
  result = ends and (not last or untilMs(ends)) and "released" or "gone"
  if hasWaiters then base = grantNext(base, limit) elseif isTtlStale then refreshSharedTtl(base, "", last) end
  if not base then redis.call("DEL", lock, holders) end
elseif not value then
  grantNext()
  result = "gone"
end
return reply({result, lacks})
