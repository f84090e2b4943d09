-- Reads the holder's time left and the number of waiters. Changes nothing.
--
-- Replies
--   {ms left, waiters}  -2 ms: not held; -1: its key never expires
-- Calls  2
--@include keys.lua
return {redis.call("PTTL", lock), redis.call("ZCARD", queue)}
