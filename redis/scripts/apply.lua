-- Writes states under compare-and-set, each with its ledger entry in the same atomic step (L1, L2, L4).
-- KEYS  [1] lease  [2] authority  [3] journal  [4] preimage, then data key, ledger bucket; again for each write
-- ARGV  [1] token  [2] epoch  [3] this side ('source' | 'target'), then for each write:
--       act ('restore' | 'string' | 'hash' | 'list' | 'set' | 'zset' | 'delete' | 'agree'), expected state, expected entry ('' = none), value,
--       expiry in ms (-1 = none), ledger field, stamp, state of the other side, entry tail ('' = no entry stays), journal field ('' = none), preimage ('' | '1')
-- returns 'fenced' (another attempt holds the lease), 'epoch' (authority moved on), or for each write:
--       'done' and the state it left, 'stale' (state or entry are not the expected ones: look again), 'unfit' (the server refused the value)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return { 'fenced' } end
if redis.call('HGET', KEYS[2], 'epoch') ~= ARGV[2] then return { 'epoch' } end

local function expire(key, at)
  if at ~= '-1' then redis.call('PEXPIREAT', key, at) end
end

local PUT = { hash = 'HSET', list = 'RPUSH', set = 'SADD', zset = 'ZADD' }

local function write(act, key, value, at)
  if act == 'restore' then
    return redis.pcall('RESTORE', key, at == '-1' and '0' or at, value, 'REPLACE', 'ABSTTL')
  elseif act == 'string' then
    redis.call('SET', key, value)
    expire(key, at)
  elseif PUT[act] then
    local flat = cmsgpack.unpack(value)
    redis.call('UNLINK', key)
    for from = 1, #flat, 4000 do
      redis.call(PUT[act], key, unpack(flat, from, math.min(from + 3999, #flat)))
    end
    expire(key, at)
  elseif act == 'delete' then
    redis.call('UNLINK', key)
  end
  return true
end

local out = {}
for i = 5, #KEYS, 2 do
  local at = 4 + (i - 5) / 2 * 11
  local act, field, stamp, other, tail = ARGV[at], ARGV[at + 5], ARGV[at + 6], ARGV[at + 7], ARGV[at + 8]
  local key, bucket = KEYS[i], KEYS[i + 1]
  local state, dump = false, false
  if size_of(key) <= LARGE_BYTES then
    state, dump = state_of(key)
  end
  if state ~= ARGV[at + 1] or (redis.call('HGET', bucket, field) or '') ~= ARGV[at + 2] then
    out[#out + 1] = 'stale'
  else
    if dump and ARGV[at + 9] ~= '' then redis.call('HSET', KEYS[3], ARGV[at + 9], string.sub(state, 9) .. dump) end
    if dump and ARGV[at + 10] ~= '' then redis.call('HSETNX', KEYS[4], key, string.sub(state, 9) .. dump) end
    local reply = write(act, key, ARGV[at + 3], ARGV[at + 4])
    if type(reply) == 'table' and reply.err then
      out[#out + 1] = 'unfit'
    else
      local mine = act == 'agree' and state or state_of(key)
      -- Two absences need no entry, unless an older one stands on the other side: it would pass for the truth.
      if tail == '' or (act == 'agree' and mine == ABSENT and other == ABSENT) then
        redis.call('HDEL', bucket, field)
      elseif ARGV[3] == 'source' then
        redis.call('HSET', bucket, field, stamp .. mine .. other .. tail)
      else
        redis.call('HSET', bucket, field, stamp .. other .. mine .. tail)
      end
      out[#out + 1] = 'done' .. mine
    end
  end
end
return out
