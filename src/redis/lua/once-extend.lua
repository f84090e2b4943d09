-- Extends a run to at least ttl from now; never shortens it.
--
-- KEYS  leader, record, fencing counter
-- ARGV  token, ttl in ms
-- Replies  "renewed", "taken", "gone"
-- Calls  ours: 2 · not ours: 1
local token, ttl = ARGV[1], ARGV[2]
--@include once.lua
local theirs, _, _, grace = leading()
if theirs ~= token then return theirs and "taken" or "gone" end
redis.call("PEXPIRE", leader, digits(ttl + grace), "GT")
return "renewed"
