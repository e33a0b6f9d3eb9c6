-- Puts a large value in the place of the data key. The sync has built the value in pieces under a name of ours, the
-- shadow. Value, expiry and ledger entry change in one atomic step. The caller has held a WATCH on the data key since
-- before it read the state. So the EXEC around this script compares the state, except for changes that a WATCH does not
-- notice (stream-groups.lua): the script compares those itself.
-- KEYS  [1] lease  [2] authority  [3] journal  [4] preimage  [5] data key  [6] ledger bucket  [7] shadow
--       [8] the key that keeps a large old value, when that goes into the journal or the pre-images
-- ARGV  [1] token  [2] epoch  [3] this side ('source' | 'target')  [4] act ('rename' | 'delete' | 'agree')
--       [5] state there  [6] expected entry ('' = none)  [7] content of the shadow  [8] expiry in ms (-1 = none)
--       [9] ledger field  [10] stamp  [11] state of the other side  [12] entry tail ('' = no entry stays)
--       [13] journal field ('' = none)  [14] preimage ('' | '1')
--       [15] silent state of the stream there ('' = no stream)
-- returns 'fenced' (another attempt holds the lease), 'epoch' (the authority has moved), 'done', or 'stale': the
--         entry or the groups are not the expected ones, or the shadow is gone, so the sync reads the key again
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'fenced' end
if redis.call('HGET', KEYS[2], 'epoch') ~= ARGV[2] then return 'epoch' end
local act, there, field, key, bucket = ARGV[4], ARGV[5], ARGV[9], KEYS[5], KEYS[6]
if (redis.call('HGET', bucket, field) or '') ~= ARGV[6] then return 'stale' end
-- Redis does not roll a script back. A command that can fail has to fail before the current value is gone.
if act == 'rename' and redis.call('EXISTS', KEYS[7]) == 0 then return 'stale' end
if ARGV[15] ~= '' then
  local _, groups = pending_of(key)
  if silent_state(key, groups) ~= ARGV[15] then return 'stale' end
end

-- Puts the current value into the journal, the pre-images, or both, as the caller asks. A record is the expiry (8
-- bytes), then the DUMP. For a large value it is the expiry, the byte 255, with which no DUMP begins, and the name of
-- the key that keeps the value.
local function set_aside()
  local large = size_of(key) > LARGE_BYTES
  local record = string.sub(there, CONTENT + 1) .. (large and '\255' .. KEYS[8] or redis.call('DUMP', key))
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
  assert_rests(bucket)
  assert_rests(KEYS[3])
  assert_may('UNLINK', key)
  if act == 'rename' then
    assert_may('RENAME', KEYS[7], key)
    if ARGV[8] ~= '-1' then assert_may('PEXPIREAT', key, ARGV[8]) end
  end
  if ARGV[13] ~= '' or ARGV[14] ~= '' then
    assert_may('RENAME', key, KEYS[8])
    assert_may('PERSIST', KEYS[8])
  end
  if ARGV[12] == '' then assert_may('HDEL', bucket, field) else assert_may('HSET', bucket, field, '') end
  if redis.call('EXISTS', key) == 1 then set_aside() end
  -- Not by DEL, and not by a RENAME onto the key: both free a large value at once, and all clients wait for that.
  redis.call('UNLINK', key)
  if act == 'rename' then
    redis.call('RENAME', KEYS[7], key)
    if ARGV[8] ~= '-1' then redis.call('PEXPIREAT', key, ARGV[8]) end
    if redis.call('EXISTS', key) == 1 then mine = ARGV[7] .. eight_bytes(ARGV[8]) end
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
