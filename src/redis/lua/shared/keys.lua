-- The keys of a lock, the same for each script: the lock itself, its queue, who has checked, the fencing counter, those
-- who share the lock, and those it was stolen from.
local lock, queue, seen, counter, holders, stolen = unpack(KEYS)
