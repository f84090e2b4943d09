-- Returns the result of a name if there is one for this call; leads if there is no run; otherwise replies how long the run
-- has left. Idempotent: a token that leads keeps leading, and one that has settled never leads again.
--
-- KEYS  leader, record, fencing counter
-- ARGV  token, ttl in ms, µs of the server at the call's first claim ("" in the first), "1" for a fencing token,
--       fingerprint ("-" for none), the most attempts, for how many ms a stale value is
--       acceptable, for how many ms a crash is remembered
-- Replies
--   {"done", record}
--   {"lead", ms left, fencing token or "", old record or ""}
--   {"running", ms left, µs of the first claim, channel on which its result is published}
--   {"old", record}  another call refreshes it, or there are no attempts left
--   {"mismatch"}     the fingerprint differs
--   {"exhausted", attempts}
-- Calls  fresh: 2 · free: 3 · running: 4, after the first claim 3 · fencing: 2 or 3 more · an old record: 1 more
local token, ttl, since, fencing = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local fingerprint, attempts, staleMs = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local graceMs = ARGV[8]
--@include once.lua
--@include mint.lua

local function differs(other)
  return fingerprint ~= "-" and other ~= "-" and fingerprint ~= other
end

local old = ""
local text = redis.call("GET", record)
if text then
  local run, settled, fresh, other, kind = recorded(text)
  local nowMs = clock() / 1000
  -- A result is for the calls that came before it, and for others only while it is fresh.
  if run == runOf(token) or fresh > nowMs or since ~= "" and settled >= tonumber(since) then
    if differs(other) then return {"mismatch"} end
    return {"done", text}
  end
  if kind == "v" and fresh + staleMs > nowMs and not differs(other) then old = text end
end

local function lead(ms, isNew)
  local fence = fencing == "1" and (not isNew and redis.call("GET", counter) or mint()) or ""
  return {"lead", ms, fence, old}
end

local theirs, attempt, other, grace = leading()
local left = theirs and redis.call("PTTL", leader) - grace or 0
if left > 0 then
  if theirs == token then return lead(left) end
  if differs(other) then return {"mismatch"} end
  if old ~= "" then return {"old", old} end
  return {"running", left, since == "" and digits(clock()) or since, channel()}
end
-- A leader that finds its own entry has not crashed: only its replies were lost.
if theirs ~= token then attempt = (attempt or 0) + 1 end
if attempt > attempts then
  if old ~= "" then return {"old", old} end
  return {"exhausted", attempt - 1}
end
redis.call("SET", leader, table.concat({token, attempt, fingerprint, graceMs}, " "), "PX", digits(ttl + graceMs))
return lead(tonumber(ttl), true)
