-- Frees the lock if it is ours, or hands it to the first waiter; with an entry, leaves the queue as well.
-- The lock is never free in between, so nobody can barge.
--
-- KEYS  lock, queue, seen, fencing counter
-- ARGV  token, entry ("" if it never waited)
-- Replies
--   {"released", …}
--   {"taken", …}  somebody else holds it
--   {"gone", …}   nobody held it
--   … stands for messages that could not be published: channel, message, …
-- Calls  nobody waits: 2, after somebody left 3 · handed on: 7, to the last waiter 6 · taken: 1 · gone: 2 · entry: 2 more
local token, entry = ARGV[1], ARGV[2]
local lock, queue, seen, counter = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
--@include serve.lua
local value = redis.call("GET", lock)
if entry ~= "" then
  redis.call("ZREM", queue, entry)
  redis.call("HDEL", seen, token)
end
local result = "taken"
if value == token and entry == "" then
  -- Unmarked: nobody waits.
  redis.call("DEL", lock)
  result = "released"
elseif value == token or value == token .. "+" then
  if not serve() then redis.call("DEL", lock) end
  result = "released"
elseif not value then
  serve()
  result = "gone"
end
return reply({result})
