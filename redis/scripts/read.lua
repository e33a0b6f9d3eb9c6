-- Reads a whole key with its expiry and the ledger entry beside it. In turn.lua a read is two keys (data key, ledger bucket)
-- and one argument: wanted (1 byte: d state only, r as DUMP, t strings and hashes by plain reads and the rest as DUMP, p none
-- as DUMP but what a module keeps), then the ledger field. Its head in the reply: form (1 byte), state (16), length of the
-- ledger entry (1; 0 = none), entry. Forms: - no value; R DUMP; S string, H hash, L list, T set, Z zset, with what a plain
-- read gives; C by commands only; U in pieces only, state unknown; W this call has done enough, ask again.
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
  -- What a module keeps has no plain read: its DUMP travels, where the other server takes it.
  if wanted == 'p' and kind ~= 7 then return FORMS[redis.call('TYPE', key).ok] or 'C' end
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

-- returns head, and the value if there is one
local function read(key, bucket, asked)
  local form, state, value = look(key, string.sub(asked, 1, 1))
  local entry = redis.call('HGET', bucket, string.sub(asked, 2)) or ''
  return form .. state .. string.char(#entry) .. entry, value
end

-- What a flush, an older dataset or an eviction would have changed: evicted keys, lease, witness record, with spaces between
-- them. Of the very moment of this look, so that nothing can have taken a key away and not show in it (L5).
local function proof_of_absence()
  local evicted = string.match(redis.call('INFO', 'stats'), 'evicted_keys:(%d+)')
  return table.concat({ evicted, redis.call('GET', KEYS[1]) or '', redis.call('GET', KEYS[5]) or '' }, ' ')
end
