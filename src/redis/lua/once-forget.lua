-- Forgets what a name has come to: no later call is served the result, and crashes are no longer counted.
-- Callers that have joined its run still get it, and a run in progress is not disturbed.
--
-- KEYS  leader, record, fencing counter
-- ARGV  for how many ms the result is kept for those who joined
-- Replies  "forgotten", also where there was nothing
-- Calls  nothing: 2 · a result: 2 more · somebody leads: 1 more, and 1 more if that one has crashed
local lingerMs = ARGV[1]
--@include once.lua
local text = redis.call("GET", record)
if text then
  recorded(text)
  local before, behind = string.match(text, "^(fl1 %x+ %d+ )%d+(.*)$")
  redis.call("SET", record, before .. "0" .. behind, "KEEPTTL")
  redis.call("PEXPIRE", record, lingerMs, "LT")
end
local theirs, _, _, grace = leading()
if theirs and redis.call("PTTL", leader) <= grace then
  redis.call("DEL", leader)
end
return "forgotten"
