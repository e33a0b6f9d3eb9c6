-- Runs one write command on a key of ours, only while the lease is ours. A stale attempt that wakes up must not
-- overwrite the records of a newer one.
-- KEYS  [1] lease  [2] the key
-- ARGV  [1] token  [2] command, then its arguments after the key
-- returns 1 done, 0 another attempt holds the lease
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call(ARGV[2], KEYS[2], unpack(ARGV, 3))
return 1
