-- The content of a stream is its DUMP without the clocks of its consumers. These clocks say when a consumer was last
-- seen and when it last got an entry. A consumer that reads an empty stream changes its clock and nothing else. The
-- state of the stream must not change by that: otherwise a write of the other side would become a conflict, and could
-- lose to a consumer that only asked. All else is content: entries, ids, groups, consumers by name, and the pending
-- entries with their number of deliveries and the time of the last one.
--
-- The first byte of a DUMP is the kind of stream. This table says how many bytes of clocks a consumer has: one clock in
-- the older kinds, two since Redis 7.2.
local CLOCK_BYTES = { [15] = 8, [19] = 8, [21] = 16 }
-- The count of numbers (ids and counters) behind the listpacks of a stream, and behind the name of a group.
local STREAM_NUMBERS = { [15] = 3, [19] = 8, [21] = 8 }
local GROUP_NUMBERS = { [15] = 2, [19] = 3, [21] = 3 }

-- Reads a length in RDB encoding. returns the number, the position behind it, and true when the number is no length but
-- says how a text is packed
local function rdb_length(dump, at)
  local first = string.byte(dump, at)
  if first < 64 then return first, at + 1 end
  if first < 128 then return (first - 64) * 256 + string.byte(dump, at + 1), at + 2 end
  if first == 128 then return struct.unpack('>I4', dump, at + 1), at + 5 end
  if first == 129 then return struct.unpack('>I8', dump, at + 1), at + 9 end
  return first - 192, at + 1, true
end

local function past_numbers(dump, at, count)
  for _ = 1, count do
    local _, next_at = rdb_length(dump, at)
    at = next_at
  end
  return at
end

local function past_text(dump, at)
  local length, from, packed = rdb_length(dump, at)
  if not packed then return from + length end
  -- A packed text is a small integer of 1, 2 or 4 bytes, or LZF: two lengths, then as many bytes as the first length
  -- says.
  if length < 3 then return from + 2 ^ length end
  local bytes, behind = rdb_length(dump, from)
  return past_numbers(dump, behind, 1) + bytes
end

-- returns the position where the consumers of a group begin
local function past_pending(dump, at)
  local count, from = rdb_length(dump, at)
  for _ = 1, count do from = past_numbers(dump, from + 24, 1) end
  return from
end

local function past_listpacks(dump, at)
  local count, from = rdb_length(dump, at)
  for _ = 1, count do from = past_text(dump, past_text(dump, from)) end
  return from
end

-- returns the DUMP of a stream without clocks, version and checksum; nil for a kind that this script does not know
local function stream_body(dump, kind)
  if not CLOCK_BYTES[kind] then return nil end
  local parts, kept = {}, 1
  local groups, at = rdb_length(dump, past_numbers(dump, past_listpacks(dump, 2), STREAM_NUMBERS[kind]))
  for _ = 1, groups do
    local consumers
    at = past_pending(dump, past_numbers(dump, past_text(dump, at), GROUP_NUMBERS[kind]))
    consumers, at = rdb_length(dump, at)
    for _ = 1, consumers do
      at = past_text(dump, at)
      parts[#parts + 1] = string.sub(dump, kept, at - 1)
      kept = at + CLOCK_BYTES[kind]
      local pending, from = rdb_length(dump, kept)
      at = from + 16 * pending
    end
  end
  parts[#parts + 1] = string.sub(dump, kept, -11)
  return table.concat(parts)
end
