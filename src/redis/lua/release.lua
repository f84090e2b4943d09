-- Frees the lock if it is ours, or hands it to those who wait; with an entry, leaves the queue as well.
-- The lock is never free in between, so nobody can barge.
--
-- ARGV  token, entry ("" if it never waited), "1" to try DELEX first, where nobody is known to wait
-- Replies
--   {"released", lacks, …}
--   {"taken", lacks, …}  somebody else holds it
--   {"gone", lacks, …}   nobody held it, or we no longer shared it
--   lacks is 1 where DELEX was tried and the server does not know it, else 0
--   … stands for messages that could not be published: channel, message, …
-- Calls  nobody waits: 2, by DELEX 1, after somebody left 3 · handed on: 7, to the last waiter 6 · taken: 1 · gone: 2 · entry: 2 more
local token, entry, tryDelex = ARGV[1], ARGV[2], ARGV[3]
--@include keys.lua
--@include mark.lua
--@include serve.lua
local lacks = 0
if tryDelex == "1" then
  -- One call instead of two. A marked value differs, so nobody who waits is passed over.
  local deleted = redis.pcall("DELEX", lock, "IFEQ", token)
  if deleted == 1 then return reply({"released", 0}) end
  -- Any other error (READONLY, OOM) passes, or comes back from the DEL below.
  local failure = type(deleted) == "table" and string.lower(deleted.err or "")
  if failure and (failure:find("unknown.* command") or failure:find("syntax error", 1, true)) then lacks = 1 end
end
local value = redis.call("GET", lock)
local base, limit = shared(value)
local somebodyWaits = value and isMarked(value)
if entry ~= "" then
  redis.call("ZREM", queue, entry)
  redis.call("HDEL", seen, token)
end
local result = "taken"
if value == token and entry == "" then
  -- Unmarked: nobody waits.
  redis.call("DEL", lock)
  result = "released"
elseif is(value, token) then
  if not serve() then redis.call("DEL", lock) end
  result = "released"
elseif base then
  local ends = redis.call("ZSCORE", holders, token)
  local last
  if ends then
    redis.call("ZREM", holders, token)
    last = endOf("-1")
    -- The key would not be there if nobody's hold had lasted until now, so that was ours.
    isStale = last ~= nil
    if not last then base = nil end
  end
  result = ends and (not last or untilMs(ends)) and "released" or "gone"
  if somebodyWaits then base = serve(base, limit) elseif isStale then settle(base, "", last) end
  if not base then redis.call("DEL", lock) end
elseif not value then
  serve()
  result = "gone"
end
return reply({result, lacks})
