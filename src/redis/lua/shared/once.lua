-- The state of a name that is run once: included by the scripts of `once`.
--
-- leader  "token attempt fingerprint grace": lives for the leader's ttl, in which it runs, and then for its grace in ms,
--         in which a claim finds that the leader has crashed, counts the attempt and takes over.
-- record  "fl1 run settled-µs fresh-until-ms fingerprint kind bytes text": the result of the last run, "v"alue or
--         "e"rror. It outlives its freshness, for calls that began before it was settled.
-- A run is identified by a digest of its leader's token, which reveals nothing. No fingerprint is "-".
--@include clock.lua
local leader, record, counter = unpack(KEYS)

-- One for each name; a digest, so that it reveals nothing.
local function channel()
  return "fetchlock-" .. redis.sha1hex(leader)
end

local function runOf(token)
  return string.sub(redis.sha1hex(token), 1, 20)
end

-- Token, attempt, fingerprint and grace of the current or crashed leader; nothing if there is none.
local function leading()
  local value = redis.call("GET", leader)
  if not value then return end
  local token, attempt, fingerprint, grace = string.match(value, "^(fl_%S+) (%d+) (%S+) (%d+)$")
  return token or error("the leader of this name is not fetchlock's"), tonumber(attempt), fingerprint, tonumber(grace)
end

-- Run, settled µs, fresh until ms, fingerprint and kind of a record.
local function recorded(text)
  local run, settled, fresh, fingerprint, kind = string.match(text, "^fl1 (%x+) (%d+) (%d+) (%S+) ([ve]) %d+ ")
  return run or error("the record of this name is not fetchlock's"), tonumber(settled), tonumber(fresh), fingerprint, kind
end
