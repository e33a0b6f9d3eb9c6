-- Takes the lease when the token is greater than the one that holds it (L1).
-- KEYS  [1] lease
-- ARGV  [1] token
-- returns 1 taken, 0 a newer attempt holds it
local held = tonumber(redis.call('GET', KEYS[1]) or '0')
if held >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1
