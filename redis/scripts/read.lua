-- Reads a key with its expiry, and the ledger entry beside it.
--
-- In turn.lua a read has two KEYS (data key, ledger bucket) and one argument: the letter `wanted` (1 byte), then the
-- ledger field. The letters of `wanted`:
--   d  the state only
--   r  the value as DUMP
--   t  strings and hashes by plain reads, all other types as DUMP
--   p  all types by plain reads; only a value of a module comes as DUMP
--
-- The reply has a head for each read: form (1 byte), state (24 bytes), length of the ledger entry (2 bytes; 0 = no
-- entry), entry. The forms:
--   -  no value
--   R  a DUMP
--   S string, H hash, L list, T set, Z zset, as the plain read returns it
--   C  only commands can read the value
--   U  the value has to be read in pieces; its state is unknown
--   W  this call has read enough: the sync asks for the key again
-- A stream has the small letter of its form, or ~ when there is no value. The sync has to know the streams, because
-- commands of consumer groups change them without an event.
local PLAIN = {
  S = { 'GET' },
  H = { 'HGETALL' },
  L = { 'LRANGE', 0, -1 },
  T = { 'SMEMBERS' },
  Z = { 'ZRANGE', 0, -1, 'WITHSCORES' },
}
local FORMS = { string = 'S', hash = 'H', list = 'L', set = 'T', zset = 'Z' }
local OF_STREAM = { ['-'] = '~', R = 'r', C = 'c' }
local UNKNOWN = string.rep('\255', STATE)

local function form_of(key, kind, wanted)
  if wanted == 'd' then return '-' end
  -- A plain read does not show the expiries of fields, which need commands of their own. A DUMP holds them.
  if kind == 22 and wanted ~= 'r' then return 'C' end
  -- A value of a module has no plain read. Its DUMP travels, if the other server takes it.
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
  if size > LARGE_BYTES then return redis.call('TYPE', key).ok == 'stream' and 'u' or 'U', UNKNOWN end
  if used > 0 and used + size > CALL_BYTES then return 'W', UNKNOWN end
  used = used + size
  local state, dump = state_of(key)
  if not state then return 'U', UNKNOWN end
  if not dump then
    absent = true
    return '-', state
  end
  local kind = string.byte(dump, 1)
  local form = form_of(key, kind, wanted)
  if CLOCK_BYTES[kind] then return OF_STREAM[form], state, form == 'R' and dump or nil end
  if form == 'R' then return form, state, dump end
  local read = PLAIN[form]
  return form, state, read and redis.call(read[1], key, unpack(read, 2))
end

-- returns head, and the value if there is one
local function read(key, bucket, asked)
  local form, state, value = look(key, string.sub(asked, 1, 1))
  local entry = redis.call('HGET', bucket, string.sub(asked, 2)) or ''
  return form .. state .. struct.pack('>I2', #entry) .. entry, value
end

-- returns the figures that prove that the server has lost nothing: evicted keys, processed commands and the watermark
-- record, each behind a space. A flush, an older dataset or an eviction changes at least one of them. When the count of
-- commands is below the earlier one, an operator has reset the statistics, and the count of evictions went back to 0
-- too. The script takes the figures in the same atomic step as the read. Otherwise the server could lose a key in
-- between, and the sync would delete that key on the other side.
local function proof_of_absence()
  local stats = redis.call('INFO', 'stats')
  local evicted = string.match(stats, 'evicted_keys:(%d+)')
  local commands = string.match(stats, 'total_commands_processed:(%d+)')
  return ' ' .. evicted .. ' ' .. commands .. ' ' .. (redis.call('GET', KEYS[5]) or '')
end
