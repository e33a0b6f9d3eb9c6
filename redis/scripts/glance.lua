-- A state alone, for a look at a key that we wrote last: most show what we left there, and nothing is to be done (L3).
-- What this call has no time for shows no state that anybody expects: it is looked at in full.
local looked = 0

-- returns 16 bytes; for a key too large for one script 255s
local function glance(key)
  local size = size_of(key)
  looked = looked + size
  if size > LARGE_BYTES or looked > CALL_BYTES then return string.rep('\255', 16) end
  return (state_of(key))
end
