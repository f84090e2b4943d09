-- Says whether anybody holds the lock, for how long still, and how many wait. Changes nothing.
--
-- KEYS  lock, queue
-- Replies
--   {ms left, waiters}  -2 ms: nobody holds it; -1: its key never expires
-- Calls  2
return {redis.call("PTTL", KEYS[1]), redis.call("ZCARD", KEYS[2])}
