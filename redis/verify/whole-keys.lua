-- The verifier's own look at keys (L13): content by the plain read of each type, and expiry, in one step (L4). It shares
-- nothing with redis/scripts: no DUMP where there is a plain read, no digest, no ledger. ARGV[1]: the keys, each as 4 bytes of
-- length and its bytes; none is declared, so that one call may speak of all slots of a node.
-- Replies for the first keys, as many as this call may read in all (L14), at least one: '' absent; '?' too large for one
-- step, or of a type that goes by itself; else the type's letter, 8 bytes of expiry (ms, negative = none), and the content:
-- a string's bytes, or the elements as MessagePack.
local LETTERS = { string = 's', hash = 'h', list = 'l', set = 'e', zset = 'z' }
local LARGE_BYTES = 131072
local CALL_BYTES = 262144

-- A string is cut to one byte more than this call reads of any key; what else there is tells its size (an estimate).
local function string_at(key)
  local value = redis.call('GETRANGE', key, 0, LARGE_BYTES)
  return value, #value
end

local function elements_at(key, letter)
  local size = redis.call('MEMORY', 'USAGE', key)
  if size > LARGE_BYTES then return nil, size end
  if letter == 'h' then return cmsgpack.pack(redis.call('HGETALL', key)), size end
  if letter == 'l' then return cmsgpack.pack(redis.call('LRANGE', key, 0, -1)), size end
  if letter == 'e' then return cmsgpack.pack(redis.call('SMEMBERS', key)), size end
  return cmsgpack.pack(redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')), size
end

local function look(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return '', 0 end
  local letter = LETTERS[kind]
  if not letter then return '?', 0 end
  local content, size
  if letter == 's' then content, size = string_at(key) else content, size = elements_at(key, letter) end
  if size > LARGE_BYTES then return '?', 0 end
  return letter .. struct.pack('>i8', redis.call('PEXPIRETIME', key)) .. content, size
end

local asked, at, read, replies = ARGV[1], 1, 0, {}
while at <= #asked and read < CALL_BYTES do
  local length = struct.unpack('>I4', asked, at)
  local reply, size = look(string.sub(asked, at + 4, at + 3 + length))
  replies[#replies + 1] = reply
  read = read + size
  at = at + 4 + length
end
return replies
