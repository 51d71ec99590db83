-- Makes wrk send the requests of bench/requests.py: wrk … -s wrk.lua URL -- FILE MARK PREFIX
-- Everything is prepared once; per request only the idempotency key is new. Ends with one line of JSON on stdout.

local heads, tails, prefix, sent = {}, {}, "", 0

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local mark = arguments[2]
  prefix = arguments[3]
  for request in file:read("*a"):gmatch("[^%z]+") do
    local first, last = request:find(mark, 1, true)
    heads[#heads + 1] = request:sub(1, first - 1)
    tails[#tails + 1] = request:sub(last + 1)
  end
  file:close()
end

function request()
  local index = sent % #heads + 1
  sent = sent + 1
  return heads[index] .. prefix .. string.format("%012d", sent) .. tails[index]
end

function done(summary, latency, requests)
  local errors = summary.errors
  local bad = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '\n{"answered": %d, "status_errors": %d, "socket_errors": %d, "seconds": %.6f, "p50": %.3f, "p95": %.3f, "p99": %.3f}\n',
    summary.requests - errors.status, errors.status, bad, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
