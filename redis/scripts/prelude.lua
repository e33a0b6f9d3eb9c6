-- Stands before every script that looks at states. A state is 16 bytes: 8 of content, 8 of absolute expiry in ms
-- (-1 = none); absent = 16 zero bytes. DUMP ends in its own CRC64, which serves as content digest, but for
-- hashtable-encoded sets (2) and hashes (4, 22), whose DUMP changes by mere reading: there a sum that knows no order;
-- redis/large/content.ts gives the same one for a hash or set in pieces.
local ABSENT = string.rep('\0', 16)

-- Above this (an estimate) a key is no work for one script: it goes in pieces (L14). A DUMP of 128 KiB takes 1.2 ms.
local LARGE_BYTES = 131072

-- What one call looks at in all, when there is more than one key (an estimate).
local CALL_BYTES = 262144

local function size_of(key)
  return redis.call('MEMORY', 'USAGE', key) or 0
end

-- Fields of a hash with TTLs: field, value, '@' and the absolute expiry of those that have one.
local function with_ttls(key, items)
  for from = 1, #items, 2000 do
    local fields = {}
    for i = from, math.min(from + 1999, #items), 2 do fields[#fields + 1] = items[i] end
    local at = redis.call('HPEXPIRETIME', key, 'FIELDS', #fields, unpack(fields))
    for i, ms in ipairs(at) do
      local value = from + 2 * i - 1
      if ms >= 0 then items[value] = items[value] .. '@' .. string.format('%.0f', ms) end
    end
  end
  return items
end

local function sum_of(items, step)
  local sum = 0
  for i = 1, #items, step do
    local element = #items[i] .. ':' .. items[i] .. (step == 2 and items[i + 1] or '')
    sum = (sum + tonumber(string.sub(redis.sha1hex(element), 1, 12), 16)) % 281474976710656
  end
  local high = math.floor(sum / 4294967296)
  return struct.pack('>I2I2I4', #items % 65536, high, sum - high * 4294967296)
end

-- returns 8 bytes and the DUMP; nothing when absent
local function content_of(key)
  local dump = redis.call('DUMP', key)
  if not dump then return nil, false end
  local kind = string.byte(dump, 1)
  if kind == 2 then
    return sum_of(redis.call('SMEMBERS', key), 1), dump
  elseif kind == 4 then
    return sum_of(redis.call('HGETALL', key), 2), dump
  elseif kind == 22 then
    return sum_of(with_ttls(key, redis.call('HGETALL', key)), 2), dump
  end
  return string.sub(dump, -8), dump
end

-- returns the 16 bytes, and the DUMP (false when absent)
local function state_of(key)
  local content, dump = content_of(key)
  if not content then return ABSENT, false end
  return content .. struct.pack('>i8', redis.call('PEXPIRETIME', key)), dump
end
