-- runner.ts puts this text before every script that runs on a node of a cluster. A cluster refuses declared keys of
-- several slots, so the call declares none: the keys come as arguments, behind their number.
local KEYS, ARGV = (function(given)
  local keys, args, count = {}, {}, tonumber(given[1])
  for i = 2, count + 1 do keys[i - 1] = given[i] end
  for i = count + 2, #given do args[i - count - 1] = given[i] end
  return keys, args
end)(ARGV)
local CLUSTERED = true
