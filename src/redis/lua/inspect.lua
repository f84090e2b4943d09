-- Says whether anybody holds the lock, for how long still, and how many wait. Changes nothing.
--
-- Replies
--   {ms left, waiters}  -2 ms: nobody holds it; -1: its key never expires
-- Calls  2
--@include keys.lua
return {redis.call("PTTL", lock), redis.call("ZCARD", queue)}
