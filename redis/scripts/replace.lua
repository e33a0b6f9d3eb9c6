-- Replaces a text in one atomic step, if it is still the one that the caller has read. When two callers come at once,
-- the script refuses one of them.
-- KEYS  [1] the key
-- ARGV  [1] the text that was read ('' = no key)  [2] the new text ('' = delete the key)
-- returns 1 done, 0 another text stands there
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1
