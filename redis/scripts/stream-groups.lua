-- The silent state of a stream: everything that commands of consumer groups and XSETID change. They raise no event, and
-- no WATCH notices them, so the sync has to ask for this state. It holds the counters and the last id of the stream,
-- and for each group its name, ids, consumers and pending entries, without clocks. redis/client/chunked-read.ts reads
-- the same parts.
local function field_of(flat, name)
  for i = 1, #flat, 2 do
    if flat[i] == name then return flat[i + 1] end
  end
end

local function add(parts, value)
  local text = tostring(value)
  parts[#parts + 1] = #text .. ':' .. text
end

local function add_pending(parts, key, group)
  local from = '-'
  while true do
    local page = redis.call('XPENDING', key, group, from, '+', 1000)
    for _, one in ipairs(page) do
      add(parts, one[1])
      add(parts, one[2])
      add(parts, one[4])
    end
    if #page < 1000 then return end
    from = '(' .. page[#page][1]
  end
end

local function add_group(parts, key, group)
  for _, what in ipairs({ 'name', 'last-delivered-id', 'entries-read' }) do add(parts, field_of(group, what)) end
  local name = field_of(group, 'name')
  for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', key, name)) do add(parts, field_of(consumer, 'name')) end
  add_pending(parts, key, name)
end

-- returns the number of pending entries in all groups, and the groups
local function pending_of(key)
  local groups, pending = redis.call('XINFO', 'GROUPS', key), 0
  for _, group in ipairs(groups) do pending = pending + field_of(group, 'pending') end
  return pending, groups
end

-- returns 40 hex digits
local function silent_state(key, groups)
  local stream, parts = redis.call('XINFO', 'STREAM', key), {}
  for _, what in ipairs({ 'last-generated-id', 'max-deleted-entry-id', 'entries-added' }) do
    add(parts, field_of(stream, what))
  end
  for _, group in ipairs(groups) do add_group(parts, key, group) end
  return redis.sha1hex(table.concat(parts))
end
