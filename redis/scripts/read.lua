-- Reads whole keys with their expiry and the ledger entries beside them, in one atomic look.
-- KEYS  data key, ledger bucket; again for each key
-- ARGV  wanted ('digest' | 'dump' | 'typed'), ledger field; again for each key
-- returns now in ms, then for each key: state, form ('' | 'dump' | 'string' | 'hash'), value, ledger entry ('' = none)
local time = redis.call('TIME')
local out = { string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) }
for i = 1, #KEYS, 2 do
  local wanted = ARGV[i]
  local state, dump = state_of(KEYS[i])
  local form, value = '', ''
  if dump and wanted ~= 'digest' then
    local kind = string.byte(dump, 1)
    if wanted == 'typed' and kind == 0 then
      form, value = 'string', redis.call('GET', KEYS[i])
    elseif wanted == 'typed' and (kind == 4 or kind == 16) then
      form, value = 'hash', redis.call('HGETALL', KEYS[i])
    else
      form, value = 'dump', dump
    end
  end
  out[#out + 1] = state
  out[#out + 1] = form
  out[#out + 1] = value
  out[#out + 1] = redis.call('HGET', KEYS[i + 1], ARGV[i + 1]) or ''
end
return out
