-- Puts a key built in pieces in its place, with its ledger entry in the same atomic step (L1, L2, L4). The caller's WATCH
-- on the data key holds since its state was read: the EXEC around this stands for the comparison of states.
-- KEYS  [1] lease  [2] authority  [3] journal  [4] preimage  [5] data key  [6] ledger bucket  [7] shadow
--       [8] where to keep a large value that goes to the journal or is a pre-image
-- ARGV  [1] token  [2] epoch  [3] this side ('source' | 'target')  [4] act ('rename' | 'delete' | 'agree')
--       [5] state there  [6] expected entry ('' = none)  [7] content of the shadow  [8] expiry in ms (-1 = none)
--       [9] ledger field  [10] stamp  [11] state of the other side  [12] entry tail ('' = no entry stays)  [13] journal field ('' = none)
--       [14] preimage ('' | '1')
-- returns 'fenced', 'epoch', 'stale' (the entry is not the expected one: look again), 'done'
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'fenced' end
if redis.call('HGET', KEYS[2], 'epoch') ~= ARGV[2] then return 'epoch' end
local act, there, field, key, bucket = ARGV[4], ARGV[5], ARGV[9], KEYS[5], KEYS[6]
if (redis.call('HGET', bucket, field) or '') ~= ARGV[6] then return 'stale' end

-- A record of journal or pre-image: expiry, then the DUMP, or a mark that no DUMP begins with and the key that holds it.
local function set_aside()
  local large = size_of(key) > LARGE_BYTES
  local record = string.sub(there, 9) .. (large and '\255' .. KEYS[8] or redis.call('DUMP', key))
  local kept = false
  if ARGV[13] ~= '' then kept = redis.call('HSET', KEYS[3], ARGV[13], record) == 1 end
  if ARGV[14] ~= '' then kept = redis.call('HSETNX', KEYS[4], key, record) == 1 or kept end
  if not large or not kept then return end
  redis.call('RENAME', key, KEYS[8])
  redis.call('PERSIST', KEYS[8])
end

local mine = ABSENT
if act == 'agree' then
  mine = there
else
  if redis.call('EXISTS', key) == 1 then set_aside() end
  -- Not by RENAME onto it or by DEL: they free a large value while everybody waits.
  redis.call('UNLINK', key)
  if act == 'rename' then
    redis.call('RENAME', KEYS[7], key)
    if ARGV[8] ~= '-1' then redis.call('PEXPIREAT', key, ARGV[8]) end
    if redis.call('EXISTS', key) == 1 then mine = ARGV[7] .. struct.pack('>i8', redis.call('PEXPIRETIME', key)) end
  end
end

local other = ARGV[11]
if ARGV[12] == '' or (act == 'agree' and mine == ABSENT and other == ABSENT) then
  redis.call('HDEL', bucket, field)
elseif ARGV[3] == 'source' then
  redis.call('HSET', bucket, field, ARGV[10] .. mine .. other .. ARGV[12])
else
  redis.call('HSET', bucket, field, ARGV[10] .. other .. mine .. ARGV[12])
end
return 'done'
