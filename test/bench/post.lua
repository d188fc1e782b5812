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

-- Each NEWID in the body is another UUID in each request.
if wrk.body and wrk.body:find('NEWID') then
  local file = io.open('/dev/urandom', 'rb')
  local hex = function(bytes)
    return (bytes:gsub('.', function(byte) return string.format('%02x', byte:byte()) end))
  end
  local prefix = hex(file:read(8))
  file:close()
  local body, number = wrk.body, 0
  request = function()
    number = number + 1
    local id = string.format('%s-%s-4%s-8%s-%012x',
      prefix:sub(1, 8), prefix:sub(9, 12), prefix:sub(13, 15), prefix:sub(14, 16), number)
    return wrk.format(nil, nil, nil, (body:gsub('NEWID', id)))
  end
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"refused":%d,"broken":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
