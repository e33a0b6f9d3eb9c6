-- Reads whole keys with their expiry and the ledger entries beside them, in one atomic look.
-- KEYS  [1] lease  [2] witness record ('' both: nobody asks for a proof), then data key, ledger bucket; again for each key
-- ARGV  for each key: wanted (1 byte: d state only, r as DUMP, t strings and hashes by plain reads and the rest as DUMP,
--       p none as DUMP), then the ledger field
-- returns now in ms, the heads of all keys in one text, the proof of absences, then the values that there are. A head: form (1 byte), state
--       (16), length of the ledger entry (1; 0 = none), entry. Forms: - no value; R DUMP; S string, H hash, L list, T set,
--       Z zset, with what a plain read gives; C by commands only; U in pieces only, state unknown; W this call has done
--       enough, ask again. The proof, where a key is absent: evicted keys, lease, record, with spaces between them: of the very
--       moment of this look, so that nothing can have taken a key away and not show in it (L5)
local PLAIN = {
  S = { 'GET' },
  H = { 'HGETALL' },
  L = { 'LRANGE', 0, -1 },
  T = { 'SMEMBERS' },
  Z = { 'ZRANGE', 0, -1, 'WITHSCORES' },
}
local FORMS = { string = 'S', hash = 'H', list = 'L', set = 'T', zset = 'Z' }
local UNKNOWN = string.rep('\255', 16)

local function form_of(key, kind, wanted)
  if wanted == 'd' then return '-' end
  -- TTLs of fields need commands of their own; in a DUMP they are.
  if kind == 22 and wanted ~= 'r' then return 'C' end
  if wanted == 'p' then return FORMS[redis.call('TYPE', key).ok] or 'C' end
  if wanted == 't' and kind == 0 then return 'S' end
  if wanted == 't' and (kind == 4 or kind == 16) then return 'H' end
  return 'R'
end

local used, absent = 0, false
-- returns form, state, and the value if there is one
local function look(key, wanted)
  local size = size_of(key)
  if size == 0 then
    absent = true
    return '-', ABSENT
  end
  if size > LARGE_BYTES then return 'U', UNKNOWN end
  if used > 0 and used + size > CALL_BYTES then return 'W', UNKNOWN end
  used = used + size
  local state, dump = state_of(key)
  if not dump then
    absent = true
    return '-', state
  end
  local form = form_of(key, string.byte(dump, 1), wanted)
  if form == 'R' then return form, state, dump end
  local read = PLAIN[form]
  return form, state, read and redis.call(read[1], key, unpack(read, 2))
end

local time = redis.call('TIME')
local heads, out = {}, { string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), '', '' }
for i = 3, #KEYS, 2 do
  local asked = ARGV[(i - 1) / 2]
  local form, state, value = look(KEYS[i], string.sub(asked, 1, 1))
  local entry = redis.call('HGET', KEYS[i + 1], string.sub(asked, 2)) or ''
  heads[#heads + 1] = form .. state .. string.char(#entry) .. entry
  if value then out[#out + 1] = value end
end
out[2] = table.concat(heads)
if absent and KEYS[1] ~= '' then
  local evicted = string.match(redis.call('INFO', 'stats'), 'evicted_keys:(%d+)')
  local lease, record = redis.call('GET', KEYS[1]) or '', redis.call('GET', KEYS[2]) or ''
  out[3] = table.concat({ evicted, lease, record }, ' ')
end
return out
