-- Stores, for people, why a client holds or awaits a lock. Nothing depends on it.
--
-- KEYS  the note
-- ARGV  text ("": deletes the note), ttl in ms
-- Replies  "noted"
-- Calls  1
local text, ttl = ARGV[1], ARGV[2]
if text == "" then
  redis.call("DEL", KEYS[1])
else
  redis.call("SET", KEYS[1], text, "PX", ttl)
end
return "noted"
