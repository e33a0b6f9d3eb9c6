-- Reads keys for the verifier: content by the plain read of each type, and expiry, in one atomic step. It shares
-- nothing with redis/scripts: no DUMP where a plain read exists, no digest, no ledger. Otherwise a fault in the reads
-- of the sync could hide from the verifier.
-- ARGV  [1] the keys, each as 4 bytes of length and its bytes. No key is declared, so that one call may name keys of
--       all slots of a node.
-- returns a reply for each of the first keys, at least for one. The call ends when it has read enough for one step:
--         ''    the key is absent
--         '?'   the caller must read the key by itself: it is too large for one step, it has another type, or Lua
--               numbers cannot hold its expiry exactly
--         else  the letter of the type, 8 bytes of expiry (ms, negative = none), and the content: the bytes of a
--               string, or the elements as MessagePack
local LETTERS = { string = 's', hash = 'h', list = 'l', set = 'e', zset = 'z' }
local LARGE_BYTES = 131072
local CALL_BYTES = 262144
local INEXACT = 9007199254740992

-- Reads at most one byte more than the limit, which shows that a string is too large. Other types report their size by
-- MEMORY USAGE, which is an estimate.
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
  local at = redis.call('PEXPIRETIME', key)
  if at >= INEXACT then return '?', size end
  return letter .. struct.pack('>i8', at) .. content, size
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
