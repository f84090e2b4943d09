-- Lets one database of a quorum vote at once: the caller asserts that it has not forgotten any hold.
--
-- KEYS  the time since which it votes
-- Replies "started"
-- Calls  1
redis.call("SET", KEYS[1], "0")
return "started"
