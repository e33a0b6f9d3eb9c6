-- Stands before every script that looks at states. A state is 16 bytes: 8 of content, 8 of absolute expiry in ms
-- (-1 = none); absent = 16 zero bytes. DUMP ends in its own CRC64, which serves as content digest, but for
-- hashtable-encoded sets (2) and hashes (4), whose DUMP changes by mere reading: there a sum that knows no order.
local ABSENT = string.rep('\0', 16)

local function sum_of(items, step)
  local sum = 0
  for i = 1, #items, step do
    local element = #items[i] .. ':' .. items[i] .. (step == 2 and items[i + 1] or '')
    sum = (sum + tonumber(string.sub(redis.sha1hex(element), 1, 12), 16)) % 281474976710656
  end
  local high = math.floor(sum / 4294967296)
  return struct.pack('>I2I2I4', #items % 65536, high, sum - high * 4294967296)
end

-- returns the 16 bytes, and the DUMP (false when absent)
local function state_of(key)
  local dump = redis.call('DUMP', key)
  if not dump then return ABSENT, false end
  local kind, content = string.byte(dump, 1), nil
  if kind == 2 then
    content = sum_of(redis.call('SMEMBERS', key), 1)
  elseif kind == 4 then
    content = sum_of(redis.call('HGETALL', key), 2)
  else
    content = string.sub(dump, -8)
  end
  return content .. struct.pack('>i8', redis.call('PEXPIRETIME', key)), dump
end
