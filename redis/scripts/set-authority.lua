-- Writes the authority record when the epoch is greater than the one in the record. So a writer that comes late changes
-- nothing, and cannot give the authority back to a side that no longer serves.
-- KEYS  [1] authority
-- ARGV  [1] 'source' | 'target'  [2] epoch
-- returns 1 written, or the record already says this; 0 the record has a later epoch, or another side in this epoch
local epoch = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if epoch == tonumber(ARGV[2]) and redis.call('HGET', KEYS[1], 'authority') == ARGV[1] then return 1 end
if epoch >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'authority', ARGV[1], 'epoch', ARGV[2])
return 1
