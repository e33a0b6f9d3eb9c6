-- Writes states by compare-and-set. One atomic step compares the state and the ledger entry with what the sync has
-- read, then writes value, expiry and ledger entry together. The script refuses the write when the key has changed
-- since the read. Otherwise we would write over a value that an app has just written.
--
-- In turn.lua a write has two KEYS (data key, ledger bucket) and four arguments: record, expiry in ms (-1 = no expiry),
-- ledger field, value. The record joins these parts into one text, because each argument costs time:
--   act (1 byte)      R RESTORE, S string, H hash, L list, T set, Z zset, D delete, A agree (only the ledger changes)
--   flags (1 digit)   a sum: 1 copy the current value into the journal, 2 keep it as pre-image, 4 leave no entry
--   expected state (24 bytes), stamp (8 bytes), state of the other side (24 bytes)
--   length of the entry tail (2 bytes), entry tail
--   expected entry    the rest; empty = no entry is expected
local function expire(key, at)
  if at ~= '-1' then redis.call('PEXPIREAT', key, at) end
end

local PUT = { H = 'HSET', L = 'RPUSH', T = 'SADD', Z = 'ZADD' }

local SAMPLES = { H = { '', '' }, L = { '' }, T = { '' }, Z = { '0', '' } }

local function assert_may_write(act, key, at, bucket, field, no_entry)
  if PUT[act] then assert_may(PUT[act], key, unpack(SAMPLES[act])) end
  if at ~= '-1' and act ~= 'R' then assert_may('PEXPIREAT', key, at) end
  if no_entry then assert_may('HDEL', bucket, field) else assert_may('HSET', bucket, field, '') end
end

-- Returns true when a server of this kind can never take the value. When the refusal has another cause (a missing
-- right, a full memory, a replica), the value itself is fine: the call fails, and the sync sends the value again.
local function is_unfit(reply)
  return string.find(reply.err, 'Bad data format', 1, true) or string.find(reply.err, 'DUMP payload version', 1, true)
end

local function write(act, key, value, at)
  if act == 'R' then
    return redis.pcall('RESTORE', key, at == '-1' and '0' or at, value, 'REPLACE', 'ABSTTL')
  elseif act == 'S' then
    redis.call('SET', key, value)
    expire(key, at)
  elseif PUT[act] then
    local flat = cmsgpack.unpack(value)
    redis.call('UNLINK', key)
    for from = 1, #flat, 4000 do
      redis.call(PUT[act], key, unpack(flat, from, math.min(from + 3999, #flat)))
    end
    expire(key, at)
  elseif act == 'D' then
    redis.call('UNLINK', key)
  end
  return true
end

local function flag(record, bit)
  return math.floor((string.byte(record, 2) - 48) / bit) % 2 == 1
end

-- Copies the current value into the journal or the pre-images. This comes before the write, because the copy can fail:
-- on a cluster the slot of the record may be moving to another node. Redis does not roll a script back, so after the
-- write the old value would be lost. Returns the fields that it has added; the caller deletes them when the server
-- refuses the write.
local function set_aside(key, stamp, record, state, dump)
  local taken = {}
  local content = string.sub(state, CONTENT + 1) .. dump
  if flag(record, 1) then
    redis.call('HSET', KEYS[3], stamp .. key, content)
    taken[#taken + 1] = { KEYS[3], stamp .. key }
  end
  if flag(record, 2) and redis.call('HSETNX', KEYS[4], key, content) == 1 then taken[#taken + 1] = { KEYS[4], key } end
  return taken
end

-- returns state and DUMP; no state for a key that is too large for a script, so no expected state matches it
local function seen(key, size)
  if size == 0 then return ABSENT, false end
  if size > LARGE_BYTES then return nil, false end
  return state_of(key)
end

-- returns the state after the write: the content that stands there and the expiry just set, or ABSENT if the key is
-- gone
local function left_by(act, key, at, before)
  if act == 'A' then return before end
  local content = content_of(key)
  return content and content .. eight_bytes(at) or ABSENT
end

-- The positions of the parts of a record, in bytes from 1.
local STAMP_AT = 3 + STATE
local OTHER_AT = STAMP_AT + 8
local TAIL_AT = OTHER_AT + STATE

local STALE, UNFIT, ENOUGH = 'S' .. ABSENT, 'U' .. ABSENT, 'W' .. ABSENT

-- The new value counts twice, because the script writes it and reads it back. The old value is read once.
local moved = 0
local function is_enough(size, value)
  local before = moved
  moved = moved + size + 2 * #value
  return before > 0 and moved > 2 * CALL_BYTES
end

-- returns 25 bytes: a letter, then a state
--   D  done; the state is the one that the write left
--   S  stale: the state or the entry is not the expected one, so the sync reads the key again
--   U  unfit: the server refused the value
--   W  this call has written enough: the sync sends the write again
local function apply(key, bucket, record, expiry, field, value)
  local size = size_of(key)
  if is_enough(size, value) then return ENOUGH end
  local state, dump = seen(key, size)
  if state ~= string.sub(record, 3, STAMP_AT - 1) then return STALE end
  local tail_end = TAIL_AT + 1 + 256 * string.byte(record, TAIL_AT) + string.byte(record, TAIL_AT + 1)
  if (redis.call('HGET', bucket, field) or '') ~= string.sub(record, tail_end + 1) then return STALE end
  local act, stamp = string.sub(record, 1, 1), string.sub(record, STAMP_AT, OTHER_AT - 1)
  -- These writes can leave the key missing, and the script reads the key again after the write. On a moving slot a
  -- missing key is an error, so the script has to fail here, before the value is gone.
  if PUT[act] or act == 'D' or expiry ~= '-1' then assert_rests(bucket) end
  if dump and (flag(record, 1) or flag(record, 2)) then assert_rests(KEYS[3]) end
  if act ~= 'A' then assert_may_write(act, key, expiry, bucket, field, flag(record, 4)) end
  local aside = dump and set_aside(key, stamp, record, state, dump) or {}
  local reply = write(act, key, value, expiry)
  if type(reply) == 'table' and reply.err then
    for _, taken in ipairs(aside) do redis.call('HDEL', taken[1], taken[2]) end
    if not is_unfit(reply) then error(reply) end
    return UNFIT
  end
  local mine, other = left_by(act, key, expiry, state), string.sub(record, OTHER_AT, TAIL_AT - 1)
  -- Two absences need no entry. But while an older entry stands on the other side, the sync does not set flag 4, and
  -- the script writes both absences down. Otherwise that older entry would count as the last agreement.
  if flag(record, 4) or (act == 'A' and mine == ABSENT and other == ABSENT) then
    redis.call('HDEL', bucket, field)
  else
    local states = ARGV[3] == 'source' and mine .. other or other .. mine
    redis.call('HSET', bucket, field, stamp .. states .. string.sub(record, TAIL_AT + 2, tail_end))
  end
  return 'D' .. mine
end
