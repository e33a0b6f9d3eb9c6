-- Runs one command on keys of ours, only while two things are unchanged: the claim of the store, and the authority
-- record. A worker that stood still may wake up after another run has claimed the store. Without the check it would
-- drop the records of that run.
-- KEYS  [1] claim  [2] authority  [3…] the keys of the command
-- ARGV  [1] claim, '' = none  [2] side, '' = do not compare the record  [3] epoch  [4] the command
--       [5…] the other arguments of the command
-- returns 1 done, 0 the claim is another one, -1 the record names another side or epoch
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then
  local said = redis.call('HMGET', KEYS[2], 'authority', 'epoch')
  if said[1] ~= ARGV[2] or said[2] ~= ARGV[3] then return -1 end
end
local words = { ARGV[4] }
for i = 3, #KEYS do words[#words + 1] = KEYS[i] end
for i = 5, #ARGV do words[#words + 1] = ARGV[i] end
redis.call(unpack(words))
return 1
