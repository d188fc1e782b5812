-- What each connection of wrk sends, over and over; prints what came of it as one line of JSON.
wrk.method = 'POST'
wrk.body = '{"unlocking-method":"fingerprint"}'
wrk.headers['content-type'] = 'application/json'
wrk.headers['authorization'] = 'Bearer ' .. os.getenv('TOKEN')

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"durationUs":%d,"p50Us":%d,"p99Us":%d,"refused":%d,"broken":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
