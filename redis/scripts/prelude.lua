-- runner.ts puts this text before every script that reads states (docs/decisions/0028).
--
-- A state is 24 bytes: 16 bytes of content, then 8 bytes of absolute expiry in ms (-1 = no expiry). An absent key has
-- 24 zero bytes. The content is the first 16 bytes of a SHA-1, so that no app can make two values with the same
-- content. Weaker digests do not hold: the CRC64 at the end of a DUMP is linear, and an app can forge a sum of digests
-- when it chooses some hundred elements.
--
-- The script takes the SHA-1 over the DUMP without its last 10 bytes, which are the version and the CRC64. There are
-- two exceptions:
-- - Sets (kind 2) and hashes (kinds 4 and 22) that are encoded as hashtables. Their DUMP changes when a client only
--   reads them. Here the script takes the SHA-1 over the digests of the elements, in order. For a hash or set that the
--   sync reads in pieces, redis/replication/reconcile/large-digest.ts gives the same content.
-- - Streams. The script leaves out the clocks of their consumers (stream-dump.lua).
local CONTENT = 16
local STATE = CONTENT + 8
local ABSENT = string.rep('\0', STATE)

-- A key above this size, as MEMORY USAGE estimates it, is too large for a script: the sync reads it in pieces.
-- Otherwise the script would stall the apps. A DUMP of 128 KiB takes 1.2 ms.
local LARGE_BYTES = 131072

-- A number of Lua is a double. From here on a double does not hold every integer exactly. A key with such a late expiry
-- has no state in a script. The sync treats it like a key that is too large, and reads it by commands.
local INEXACT = 9007199254740992

-- The most that one call reads in all, as MEMORY USAGE estimates it. A single key may exceed it.
local CALL_BYTES = 262144

local function size_of(key)
  return redis.call('MEMORY', 'USAGE', key) or 0
end

-- Fails when the slot is moving to another node of the cluster. On such a slot the server refuses to write a key that
-- is missing. So if a script removed a value to write it again, the value would be lost. The script calls this before
-- it removes anything. It asks for a name in the same slot that no key has: on a moving slot that question is an error.
-- @param ours a key of ours, whose name holds the slot's tag in braces
local function assert_rests(ours)
  if CLUSTERED then redis.call('EXISTS', ours .. '-none') end
end

-- Fails when our user may not run the command. An operator may take a right from our user between two calls, and Redis
-- does not roll a script back. If the server refused a command in the middle of the script, the value could be gone
-- already, and the sync would carry that absence to the other side. So the script asks about each later command before
-- it runs the first. Key patterns need no check: the server has compared all keys with them before the script began.
local function assert_may(command, ...)
  if redis.acl_check_cmd(command, ...) then return end
  error({ err = 'NOPERM our user may not run ' .. command .. ': nothing was changed' })
end

local function number_at(hex, from)
  return tonumber(string.sub(hex, from, from + 7), 16)
end

local function front_of(hex)
  return struct.pack('>I4I4I4I4', number_at(hex, 1), number_at(hex, 9), number_at(hex, 17), number_at(hex, 25))
end

-- returns the absolute expiries of the fields of a hash, each at the index of its value; nil when one is not exact
local function ttls_of(key, items)
  local ttls = {}
  for from = 1, #items, 2000 do
    local fields = {}
    for i = from, math.min(from + 1999, #items), 2 do fields[#fields + 1] = items[i] end
    local at = redis.call('HPEXPIRETIME', key, 'FIELDS', #fields, unpack(fields))
    for i, ms in ipairs(at) do
      if ms >= INEXACT then return nil end
      if ms >= 0 then ttls[from + 2 * i - 1] = '@' .. string.format('%.0f', ms) end
    end
  end
  return ttls
end

-- Compares byte by byte. The operator `<` compares by the locale of the server.
local function by_bytes(one, other)
  for i = 1, #one do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then return a < b end
  end
  return false
end

-- Adds a digest to digests that have the same beginning, in order, as one text.
local function in_order(digests, digest)
  local all = { digest }
  for one in string.gmatch(digests, string.rep('.', 2 * CONTENT)) do all[#all + 1] = one end
  table.sort(all, by_bytes)
  return table.concat(all)
end

-- The text of an element is the length of its name, its expiry if it has one, ':', its name, its value.
local function content_of_table(kind, items, step, ttls)
  local order, digests = {}, {}
  for i = 1, #items, step do
    local element = #items[i] .. (ttls[i + 1] or '') .. ':' .. items[i] .. (step == 2 and items[i + 1] or '')
    local digest = string.sub(redis.sha1hex(element), 1, 2 * CONTENT)
    -- Numbers sort faster than texts. 13 hex digits are 52 bits, which a double holds exactly.
    local begins = tonumber(string.sub(digest, 1, 13), 16)
    if digests[begins] then
      digests[begins] = in_order(digests[begins], digest)
    else
      order[#order + 1], digests[begins] = begins, digest
    end
  end
  table.sort(order)
  for i, begins in ipairs(order) do order[i] = digests[begins] end
  return front_of(redis.sha1hex(kind .. ':' .. table.concat(order)))
end

-- returns 16 bytes and the DUMP; nil and false when absent; nil and the DUMP when a script cannot tell the content
local function content_of(key)
  local dump = redis.call('DUMP', key)
  if not dump then return nil, false end
  local kind = string.byte(dump, 1)
  if kind == 2 then
    return content_of_table('set', redis.call('SMEMBERS', key), 1, {}), dump
  elseif kind == 4 then
    return content_of_table('hash', redis.call('HGETALL', key), 2, {}), dump
  elseif kind == 22 then
    local items = redis.call('HGETALL', key)
    local ttls = ttls_of(key, items)
    return ttls and content_of_table('hash', items, 2, ttls), dump
  end
  return front_of(redis.sha1hex(stream_body(dump, kind) or string.sub(dump, 1, -11))), dump
end

-- returns the 24 bytes and the DUMP (false when absent); nil and false when a script cannot tell the state
local function state_of(key)
  local content, dump = content_of(key)
  if not dump then return ABSENT, false end
  local at = redis.call('PEXPIRETIME', key)
  if not content or at >= INEXACT then return nil, false end
  return content .. struct.pack('>i8', at), dump
end

-- Turns a decimal text into the 8 bytes of an integer. It computes a long text in two halves, because a double does not
-- hold it exactly.
local function eight_bytes(text)
  if #text < 16 then return struct.pack('>i8', text) end
  local high, low = 0, 0
  for digit in string.gmatch(text, '%d') do
    low = low * 10 + digit
    local carried = math.floor(low / 4294967296)
    high, low = high * 10 + carried, low - carried * 4294967296
  end
  return struct.pack('>I4I4', high, low)
end
