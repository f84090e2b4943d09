-- Identifies the holds of a lock, for people: a digest of each token that holds it. Changes nothing.
--
-- KEYS  the keys of the lock
-- Replies  {digest, …}; for an exclusive hold, the one that steal.lua compares
-- Calls  free, or exclusive: 1 · shared: 2
--@include keys.lua
--@include waiters-flag.lua
--@include holders.lua
local value = redis.call("GET", lock)
if not value then return {} end
local tokens = {withoutFlag(value)}
if shared(value) then
  tokens = redis.call("ZRANGE", holders, "0", "-1")
end
for i, token in ipairs(tokens) do
  tokens[i] = redis.sha1hex(token)
end
return tokens
