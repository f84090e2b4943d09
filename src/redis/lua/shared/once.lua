-- The state of a name that is run once: included by the scripts of `once`.
--
-- leader  "token attempt fingerprint grace": lives for the leader's ttl and then for its grace in ms, during which a
--         claim finds a leader that has crashed, counts it and takes over. Ahead of that the leader runs.
-- record  "fl1 run settled-µs fresh-until-ms fingerprint kind bytes text": what the last run came to, "v"alue or
--         "e"rror. It outlives its freshness, for those whose call began before it was settled.
-- A run is known by the digest of its leader's token, which tells nothing. A fingerprint of nothing is "-".
--@include clock.lua
local leader, record, counter = unpack(KEYS)

-- One for each name; a digest, so that it tells nothing.
local function channel()
  return "fetchlock-" .. redis.sha1hex(leader)
end

local function runOf(token)
  return string.sub(redis.sha1hex(token), 1, 20)
end

-- Token, attempt, fingerprint and grace of whoever leads or has crashed; nothing where nobody does.
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
