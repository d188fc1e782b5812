-- What each connection of wrk sends repeatedly; prints the result as one line of JSON.
wrk.method = 'POST'
wrk.body = os.getenv('BODY')
wrk.headers['content-type'] = 'application/json'

local token = os.getenv('TOKEN')
if token then wrk.headers['authorization'] = 'Bearer ' .. token end

-- With PEOPLE, each request is from another person.
local people = tonumber(os.getenv('PEOPLE'))
if people then
  local body = wrk.body
  request = function()
    return wrk.format(nil, nil, nil, (body:gsub('NUMBER', math.random(people))))
  end
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"refused":%d,"broken":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
