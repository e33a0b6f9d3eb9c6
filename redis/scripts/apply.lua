-- Writes states under compare-and-set, each with its ledger entry in the same atomic step (L1, L2, L4). In turn.lua a write
-- is two keys (data key, ledger bucket) and four arguments: record, expiry in ms (-1 = none), ledger field, value. A record, one
-- text because each argument costs: act (1 byte: R RESTORE, S string, H hash, L list, T set, Z zset, D delete, A agree: only
-- the ledger), flags (1 digit: 1 journal what stands there, 2 keep it as pre-image, 4 no entry stays), expected state (16),
-- stamp (8), state of the other side (16), entry tail (3), expected entry (the rest; none = no entry).
local function expire(key, at)
  if at ~= '-1' then redis.call('PEXPIREAT', key, at) end
end

local PUT = { H = 'HSET', L = 'RPUSH', T = 'SADD', Z = 'ZADD' }

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

-- returns state and DUMP; no state for one that only pieces can read: nobody expects it here
local function seen(key, size)
  if size == 0 then return ABSENT, false end
  if size > LARGE_BYTES then return nil, false end
  return state_of(key)
end

-- The state after a write: its expiry is the one just set, if the key is there at all.
local function left_by(act, key, at, before)
  if act == 'A' then return before end
  local content = content_of(key)
  return content and content .. struct.pack('>i8', at) or ABSENT
end

local function flag(record, bit)
  return math.floor((string.byte(record, 2) - 48) / bit) % 2 == 1
end

local STALE, UNFIT, ENOUGH = 'S' .. ABSENT, 'U' .. ABSENT, 'W' .. ABSENT

-- What stands there is read, what is written is read back.
local moved = 0
local function is_enough(size, value)
  local before = moved
  moved = moved + size + 2 * #value
  return before > 0 and moved > 2 * CALL_BYTES
end

-- returns a word of 17 bytes: D and the state that the write left, S stale (state or entry are not the expected ones: look
-- again), U unfit (the server refused the value), W this call has done enough, send it again
local function apply(key, bucket, record, expiry, field, value)
  local size = size_of(key)
  if is_enough(size, value) then return ENOUGH end
  local state, dump = seen(key, size)
  if state ~= string.sub(record, 3, 18) then return STALE end
  if (redis.call('HGET', bucket, field) or '') ~= string.sub(record, 46) then return STALE end
  local act, stamp = string.sub(record, 1, 1), string.sub(record, 19, 26)
  local reply = write(act, key, value, expiry)
  if type(reply) == 'table' and reply.err then return UNFIT end
  if dump and flag(record, 1) then redis.call('HSET', KEYS[3], stamp .. key, string.sub(state, 9) .. dump) end
  if dump and flag(record, 2) then redis.call('HSETNX', KEYS[4], key, string.sub(state, 9) .. dump) end
  local mine, other = left_by(act, key, expiry, state), string.sub(record, 27, 42)
  -- Two absences need no entry, unless an older one stands on the other side: it would pass for the truth.
  if flag(record, 4) or (act == 'A' and mine == ABSENT and other == ABSENT) then
    redis.call('HDEL', bucket, field)
  else
    local states = ARGV[3] == 'source' and mine .. other or other .. mine
    redis.call('HSET', bucket, field, stamp .. states .. string.sub(record, 43, 45))
  end
  return 'D' .. mine
end
