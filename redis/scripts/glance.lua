-- States alone, for a look at keys that we wrote last: most show what we left there, and nothing is to be done (L3).
-- KEYS  data keys
-- returns one text, 16 bytes a key; a key too large for one script shows 16 bytes of 255
local used, out = 0, {}
for i = 1, #KEYS do
  local size = size_of(KEYS[i])
  used = used + size
  -- What this call has no time for shows no state that anybody expects: it is looked at in full.
  local unfit = size > LARGE_BYTES or used > CALL_BYTES
  out[i] = unfit and string.rep('\255', 16) or (state_of(KEYS[i]))
end
return table.concat(out)
