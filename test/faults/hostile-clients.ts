import { type Socket, connect } from 'node:net'

/** Clients that attack a server until this process is killed, in three numbers: slow or aborted
 * connections, each reopened when it is cut; logins at once; requests at once for unknown paths.
 * `bun hostile-clients.ts PORT CONNECTIONS LOGINS SCANS` */
const [port = 0, connections = 0, logins = 0, scans = 0] = process.argv.slice(2).map(Number)

/** Between two bytes of a slow client, and between two of its connections. */
const DRIP_MS = 1000
const REOPEN_MS = 200
/** At most this many new connections per tick, as a network would let through. */
const RAMP = 25
const RAMP_TICK_MS = 50

const HEAD = 'Host: lock.home\r\nContent-Type: application/json\r\n'

type Hostile = (socket: Socket) => void

const dripping =
  (first: string, drop: string): Hostile =>
  (socket) => {
    socket.write(first)
    const drips = setInterval(() => socket.write(drop), DRIP_MS)
    socket.once('close', () => clearInterval(drips))
  }

const WAYS: readonly Hostile[] = [
  // Opened, and nothing more.
  () => {},
  // Headers without end.
  dripping(`GET /livez HTTP/1.1\r\n${HEAD}`, 'X-More: 1\r\n'),
  // Endless bodies, of known and of unknown length.
  dripping(`POST /login HTTP/1.1\r\n${HEAD}Content-Length: 5000\r\n\r\n{`, ' '),
  dripping(
    `POST /logUnlocking HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`,
    '1\r\n \r\n',
  ),
  // Half-open: it says that it will send no more, in the middle of a request, and stays.
  (socket) => {
    socket.write(`POST /login HTTP/1.1\r\n${HEAD}Content-Length: 5000\r\n\r\n{`)
    socket.end()
  },
  // Requests a large file and reads nothing of it.
  (socket) => {
    socket.pause()
    socket.write(`GET /swagger/swagger-ui.js HTTP/1.1\r\n${HEAD}\r\n`)
  },
  // Reset before the answer, in the midst of a body, and right after it was opened.
  (socket) => {
    socket.write(`GET /getLogs HTTP/1.1\r\n${HEAD}\r\n`, () => socket.resetAndDestroy())
  },
  (socket) => {
    socket.write(`POST /login HTTP/1.1\r\n${HEAD}Content-Length: 90\r\n\r\n{"username":`, () =>
      socket.resetAndDestroy(),
    )
  },
  (socket) => {
    socket.resetAndDestroy()
  },
]

const open = (way: Hostile): void => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.once('connect', () => way(socket))
  socket.on('error', () => {})
  // A paused socket would not notice its end.
  socket.on('end', () => socket.destroy())
  socket.once('close', () => setTimeout(open, REOPEN_MS, way))
}

/** One request after another, each after the previous answer and a pause. */
const repeat = async (path: () => string, init: () => RequestInit): Promise<void> => {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}${path()}`, init()).catch(() => undefined)
    await answer?.arrayBuffer().catch(() => undefined)
    await Bun.sleep(REST_MS)
  }
}

const REST_MS = 10

const guess = (): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ username: 'eve', password: crypto.randomUUID() }),
})

for (let made = 0; made < logins; made += 1) void repeat(() => '/login', guess)
for (let made = 0; made < scans; made += 1)
  void repeat(
    () => `/${crypto.randomUUID()}.php`,
    () => ({ method: made % 2 === 0 ? 'GET' : 'DELETE' }),
  )
for (let opened = 0; opened < connections; opened += 1) {
  const way = WAYS[opened % WAYS.length]
  if (way) open(way)
  if (opened % RAMP === RAMP - 1) await Bun.sleep(RAMP_TICK_MS)
}
process.stdout.write('all opened\n')
