-- The keys of a lock, the same for each script: the lock itself, its queue, the waiters' heartbeats, the fencing counter,
-- the shared holds, and the tokens that the lock was stolen from.
local lock, queue, heartbeats, counter, holders, stolen = unpack(KEYS)
