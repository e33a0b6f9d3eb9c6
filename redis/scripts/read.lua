-- Reads whole keys with their expiry and the ledger entries beside them, in one atomic look.
-- KEYS  data key, ledger bucket; again for each key
-- ARGV  wanted ('digest' | 'dump' | 'typed' | 'plain'), ledger field; again for each key. 'typed': strings and hashes by
--       plain reads, the rest as DUMP; 'plain': none as DUMP
-- returns now in ms, then for each key: state, form, value, ledger entry ('' = none). Forms: '' no value; 'dump'; the
--       type, with what its plain read gives; 'large': in pieces only; 'later': this call has done enough, ask again
local PLAIN = {
  string = { 'GET' },
  hash = { 'HGETALL' },
  list = { 'LRANGE', 0, -1 },
  set = { 'SMEMBERS' },
  zset = { 'ZRANGE', 0, -1, 'WITHSCORES' },
}

local function form_of(key, kind, wanted)
  if wanted == 'digest' then return '' end
  -- TTLs of fields need commands of their own; in a DUMP they are.
  if kind == 22 and wanted ~= 'dump' then return 'large' end
  if wanted == 'plain' then
    local name = redis.call('TYPE', key).ok
    return PLAIN[name] and name or 'large'
  end
  if wanted == 'typed' and kind == 0 then return 'string' end
  if wanted == 'typed' and (kind == 4 or kind == 16) then return 'hash' end
  return 'dump'
end

local used = 0
local time = redis.call('TIME')
local out = { string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) }
for i = 1, #KEYS, 2 do
  local wanted = ARGV[i]
  local size = size_of(KEYS[i])
  local state, form, value = '', '', ''
  if size > LARGE_BYTES then
    form = 'large'
  elseif used > 0 and used + size > CALL_BYTES then
    form = 'later'
  else
    used = used + size
    local dump = false
    if size == 0 then state = ABSENT else state, dump = state_of(KEYS[i]) end
    if dump then form = form_of(KEYS[i], string.byte(dump, 1), wanted) end
    if form == 'dump' then
      value = dump
    elseif PLAIN[form] then
      local read = PLAIN[form]
      value = redis.call(read[1], KEYS[i], unpack(read, 2))
    end
  end
  out[#out + 1] = state
  out[#out + 1] = form
  out[#out + 1] = value
  out[#out + 1] = redis.call('HGET', KEYS[i + 1], ARGV[i + 1]) or ''
end
return out
