-- Reads the silent state of streams (stream-groups.lua). Read-only.
-- KEYS  data keys
-- ARGV  [1] the most pending entries that one call reads. A key with more gets 'p'. The call ends after the key
--       with which the sum exceeds it.
-- returns a text for each of the first keys, at least for one:
--         ''                 the key is no stream
--         'p'                the stream has more pending entries than a call may read: ask for it in pages
--         'g' and 40 digits  the stream has groups, and one script can read all of it; the digits are hexadecimal
--         's' and 40 digits  all other streams
local LARGE_BYTES = 131072
local most, looked, out = tonumber(ARGV[1]), 0, {}

local function look(key)
  if redis.call('TYPE', key).ok ~= 'stream' then return '' end
  local pending, groups = pending_of(key)
  if pending > most then return 'p' end
  looked = looked + pending
  local whole = #groups > 0 and redis.call('MEMORY', 'USAGE', key) <= LARGE_BYTES
  return (whole and 'g' or 's') .. silent_state(key, groups)
end

for i, key in ipairs(KEYS) do
  out[i] = look(key)
  if looked > most then break end
end
return out
