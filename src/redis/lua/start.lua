-- Lets one database of a quorum vote at once: whoever asks for it knows that it has forgotten nothing.
--
-- KEYS  born
-- Replies "started"
-- Calls  1
redis.call("SET", KEYS[1], "0")
return "started"
