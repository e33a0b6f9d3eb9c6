-- Stands before every script on a node of a cluster: keys come as arguments, their number first, and none is declared.
local KEYS, ARGV = (function(given)
  local keys, args, count = {}, {}, tonumber(given[1])
  for i = 2, count + 1 do keys[i - 1] = given[i] end
  for i = count + 2, #given do args[i - count - 1] = given[i] end
  return keys, args
end)(ARGV)
