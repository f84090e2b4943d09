-- Ends a run, if the token still leads it: stores its result, frees the name and notifies the waiters, in one step.
-- Idempotent: it recognizes the record that it has written.
--
-- KEYS  leader, record, fencing counter
-- ARGV  token, kind of the result: "v"alue, "e"rror or "" (the run was given up), fingerprint, ms for which the
--       result is fresh, ms for which it is kept ("0": not at all), its bytes, "1" if they fit a message, and the text
-- Replies  {"released", …}, {"taken", …}, {"gone", …}
--   … stands for a message that could not be published: channel, message
-- Messages  the record · "read": the record has to be read · "free": there is no run
-- Calls  kept: 5 · not kept: 4 · given up: 3 · not ours: 2, nothing to recognize: 1
local token, kind, fingerprint = ARGV[1], ARGV[2], ARGV[3]
local freshMs, keptMs, bytes, fits, text = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
--@include once.lua
--@include publish.lua
local theirs = leading()
if theirs ~= token then
  local kept = kind ~= "" and redis.call("GET", record)
  if kept and recorded(kept) == runOf(token) then return {"released"} end
  return {theirs and "taken" or "gone"}
end

local message = "free"
if kind ~= "" then
  local fresh = digits(math.floor(clock() / 1000) + freshMs)
  local result = table.concat({"fl1", runOf(token), digits(clock()), fresh, fingerprint, kind, bytes, text}, " ")
  if keptMs ~= "0" then redis.call("SET", record, result, "PX", keptMs) end
  message = fits == "1" and result or "read"
end
redis.call("DEL", leader)
publish(channel(), message)
return reply({"released"})
