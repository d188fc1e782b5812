-- What each connection of wrk sends repeatedly; prints the result as one line of JSON.
wrk.method = 'POST'
wrk.body = os.getenv('BODY')
wrk.headers['content-type'] = 'application/json'

local token = os.getenv('TOKEN')
if token then wrk.headers['authorization'] = 'Bearer ' .. token end

-- With PEOPLE, each request is from another person, at an address of their own.
local people = tonumber(os.getenv('PEOPLE'))
if people then
  local body = wrk.body
  request = function()
    local person = math.random(people)
    wrk.headers['x-forwarded-for'] = string.format(
      '10.%d.%d.%d', math.floor(person / 65536) % 256, math.floor(person / 256) % 256, person % 256)
    return wrk.format(nil, nil, nil, (body:gsub('NUMBER', person)))
  end
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"refused":%d,"broken":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
