-- Takes the lease when the token is greater than the one that holds it. A token is a number, or two numbers:
-- `number-attempt` (domain/authority/fencing-token.ts). A text there that is no token of ours counts as 0.
-- KEYS  [1] lease
-- ARGV  [1] token
-- returns 1 taken, 0 the same or a newer attempt holds it
local function parts(token)
  local number, attempt = string.match(token, '^(%d+)%-(%d+)$')
  if not number then number, attempt = string.match(token, '^(%d+)$'), '0' end
  -- A double does not hold a longer number exactly.
  if not number or #number > 15 or #attempt > 15 then return 0, 0 end
  return tonumber(number), tonumber(attempt)
end
local held, heldAttempt = parts(redis.call('GET', KEYS[1]) or '0')
local number, attempt = parts(ARGV[1])
if held > number or (held == number and heldAttempt >= attempt) then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1
