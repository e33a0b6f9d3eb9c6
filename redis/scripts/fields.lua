-- Reads the field names of several hashes of ours. One call asks about many hashes, because most ledger buckets of a
-- small ledger are empty. The call stops before it names too many fields: a server serves no other client while a
-- script runs.
-- KEYS  the hashes
-- ARGV  [1] the most fields that one call names
-- returns how many of the hashes it has handled, at least one; then a list with an element for each of them that
--         exists: its number among KEYS, and its fields. The list of fields is empty when that hash alone has more
--         fields than a call may name.
local most, named, out = tonumber(ARGV[1]), 0, {}
for i, key in ipairs(KEYS) do
  local size = redis.call('HLEN', key)
  if size > most then
    out[#out + 1] = { i, {} }
  elseif size > 0 then
    if named + size > most then return { i - 1, out } end
    named = named + size
    out[#out + 1] = { i, redis.call('HKEYS', key) }
  end
end
return { #KEYS, out }
