-- GCRA (generic cell rate algorithm): one number per caller and class says when its quota is whole again.
-- KEYS[1]  the caller and class
-- ARGV     microseconds per request, requests of the quota, requests asked for
-- returns  how many of them are let through, and the microseconds until the quota is whole again
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, limit, asked = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local whole = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local granted = math.max(0, math.min(asked, math.floor((now + limit * interval - whole) / interval)))
if granted > 0 then
  whole = whole + granted * interval
  redis.call('SET', KEYS[1], string.format('%.0f', whole), 'PX', math.ceil((whole - now) / 1000))
end
return {granted, whole - now}
