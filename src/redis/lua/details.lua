-- Reads facts about locks that are for people: fencing counters and notes. Changes nothing.
--
-- KEYS  any string keys
-- Replies  {server time in ms, {value or nil, …}}
-- Calls  2
--@include clock.lua
return {digits(math.floor(clock() / 1000)), redis.call("MGET", unpack(KEYS))}
