-- One call for all that the sync asks of one server in one turn of its event loop: writes, glances (checks of a state)
-- and reads. A call costs the worker as much as ten keys. The script runs read-only when there are no writes.
-- KEYS  [1] lease  [2] authority  [3] journal  [4] preimage  [5] watermark record, then for each write data key and
--       ledger bucket, for each glance the data key, for each read data key and ledger bucket
-- ARGV  [1] token  [2] epoch  [3] this side ('source' | 'target')  [4] number of writes  [5] of glances  [6] of reads
--       [7] '1' = with proof, then four arguments for each write and one for each read (apply.lua, read.lua)
-- returns a list:
--   [1] the answers to the writes in one text; or 'F' another attempt holds the lease; or 'E' the authority has moved
--   [2] the states of the glances in one text
--   and only when there are reads:
--   [3] the clock of the server, ms  [4] the heads of the reads in one text
--   [5] the proof: the lease, and when a key was absent the figures of proof_of_absence ('' = no proof is asked for)
--   [6…] the values, for those reads that have one
local function writes(count)
  if count == 0 then return '' end
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'F' end
  if redis.call('HGET', KEYS[2], 'epoch') ~= ARGV[2] then return 'E' end
  local words = {}
  for i = 1, count do
    local key, at = 4 + 2 * i, 4 + 4 * i
    words[i] = apply(KEYS[key], KEYS[key + 1], ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  end
  return table.concat(words)
end

local function glances(first, count)
  local states = {}
  for i = 1, count do states[i] = glance(KEYS[first + i]) end
  return table.concat(states)
end

local written, glanced, asked = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local out = { writes(written), glances(5 + 2 * written, glanced) }
if asked == 0 then return out end

local time = redis.call('TIME')
out[3], out[4], out[5] = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), '', ''
local heads, keys, args = {}, 4 + 2 * written + glanced, 7 + 4 * written
for i = 1, asked do
  local value
  heads[i], value = read(KEYS[keys + 2 * i], KEYS[keys + 2 * i + 1], ARGV[args + i])
  if value then out[#out + 1] = value end
end
out[4] = table.concat(heads)
if ARGV[7] == '1' then out[5] = (redis.call('GET', KEYS[1]) or '') .. (absent and proof_of_absence() or '') end
return out
