-- Adds up what the replicas saw, and opens a circuit for all of them when half of it failed.
-- KEYS[1]  counters of the upstream    KEYS[2]  what administrators have forced
-- ARGV     least requests, window in ms, how long to stay open in ms, then for each circuit: name, requests, failures
-- returns  for each circuit: milliseconds it stays open, what is forced ('' for nothing)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local least, window, cooldown = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local at = math.floor(now / window)
local answer = {}
for i = 4, #ARGV, 3 do
  local name = ARGV[i]
  local known = redis.call('HMGET', KEYS[1], name .. ':at', name .. ':n', name .. ':f', name .. ':n0', name .. ':f0', name .. ':until')
  for j = 1, 6 do known[j] = tonumber(known[j] or '0') end
  local n, f, n0, f0, till = known[2], known[3], known[4], known[5], known[6]
  if at == known[1] + 1 then n0, f0, n, f = n, f, 0, 0 end
  if at > known[1] + 1 then n0, f0, n, f = 0, 0, 0, 0 end
  n, f = n + tonumber(ARGV[i + 1]), f + tonumber(ARGV[i + 2])
  if till <= now and n + n0 >= least and 2 * (f + f0) >= n + n0 then
    till, n, f, n0, f0 = now + cooldown, 0, 0, 0, 0
  end
  redis.call('HSET', KEYS[1], name .. ':at', at, name .. ':n', n, name .. ':f', f, name .. ':n0', n0, name .. ':f0', f0, name .. ':until', till)
  answer[#answer + 1] = {math.max(0, till - now), redis.call('HGET', KEYS[2], name) or ''}
end
redis.call('PEXPIRE', KEYS[1], 60000)
return answer
