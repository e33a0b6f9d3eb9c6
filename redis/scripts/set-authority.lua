-- Writes the authority record when the epoch is greater than the one that stands there: a late writer changes nothing (L1).
-- KEYS  [1] authority
-- ARGV  [1] 'source' | 'target'  [2] epoch
-- returns 1 written, or it stood there already as given; 0 a later epoch or another side stands there
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if epoch == tonumber(ARGV[2]) and redis.call('HGET', KEYS[1], 'authority') == ARGV[1] then return 1 end
if epoch >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'authority', ARGV[1], 'epoch', ARGV[2])
return 1
