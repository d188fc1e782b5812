import { expect, test } from 'bun:test'
import { inTurns } from '../../../src/http/connection/turns.ts'
import { yieldToEventLoop } from '../../../src/domain/event-loop.ts'
import { tell } from '../../faults/evidence.ts'

const TURN_MS = 8
const CLIENTS = 8
const REQUESTS = 100

test('requests that come late in a turn of the event loop wait for the next one', async () => {
  let [nowMs, answered] = [0, 0]
  const answer = inTurns(
    () => {
      answered += 1
      nowMs += 1
      return new Response()
    },
    () => nowMs,
  )
  const request = new Request('http://localhost/')
  for (let sent = 0; sent < TURN_MS + 10; sent += 1) void answer(request)
  expect(answered).toBe(TURN_MS)
  await yieldToEventLoop()
  expect(answered).toBe(TURN_MS + 10)
  void answer(request)
  expect(answered).toBe(TURN_MS + 11)
})

/** Connects anew for each request, as soon as it has an answer. */
const CLIENT = `
const [port, requests] = process.argv.slice(-2).map(Number)
for (let left = requests; left > 0; left -= 1)
  await new Promise((done) => {
    Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        open: (socket) => void socket.write('GET / HTTP/1.1\\r\\nhost: localhost\\r\\n\\r\\n'),
        data: (socket) => void socket.end(),
        close: done,
        connectError: done,
      },
    })
  })
process.exit(0)
`

test('[G1] clients that connect anew for each request do not keep timers and threads waiting', async () => {
  let [count, most, total] = [0, 0, 0]
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: inTurns(() => {
      if (count === 0)
        setImmediate(() => {
          most = Math.max(most, count)
          count = 0
        })
      count += 1
      total += 1
      const begunMs = performance.now()
      while (performance.now() - begunMs < 1);
      return new Response()
    }),
  })
  const clients = Array.from({ length: CLIENTS }, () =>
    Bun.spawn([process.execPath, '-e', CLIENT, String(server.port), String(REQUESTS)]),
  )
  const statuses = await Promise.all(clients.map(({ exited }) => exited))
  await server.stop(true)
  await yieldToEventLoop()
  tell(`${total} requests on as many connections, at most ${most} between two turns`)
  expect(statuses).toStrictEqual(Array.from(clients, () => 0))
  expect(total).toBe(CLIENTS * REQUESTS)
  // Those of a turn, one millisecond each, and what waited since the one before: one for each client.
  expect(most).toBeLessThanOrEqual(TURN_MS + 1 + CLIENTS)
})
