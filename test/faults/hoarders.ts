import { type Socket, connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Clients that hold connections until this process is killed, each reopened when it is cut.
 * `bun hoarders.ts PORT CONNECTIONS ADDRESSES WAY [tls]`: from that many loopback addresses, in one of
 * the ways below. */
const [portText = '', connections = '', addresses = '', way = '', transport = ''] =
  process.argv.slice(2)

/** Between two requests of a connection, and before a new one. */
const EVERY_MS = 5000
const REOPEN_MS = 2000
/** At most this many new connections per tick, as a network would let through. */
const RAMP = 10
const RAMP_TICK_MS = 25

const HEAD = 'Host: lock.home\r\nContent-Type: application/json\r\n'

/** Writes something again and again. */
const repeating = (first: string, again: string) => (socket: Socket) => {
  socket.write(first)
  const timer = setInterval(() => socket.write(again), EVERY_MS)
  socket.once('close', () => clearInterval(timer))
}

/** Asks for something and reads nothing of it. */
const unread = (path: string) => (socket: Socket) => {
  socket.pause()
  socket.write(`GET ${path} HTTP/1.1\r\n${HEAD}\r\n`)
}

const PING = `GET /livez HTTP/1.1\r\n${HEAD}\r\n`

const WAYS: Readonly<Record<string, (socket: Socket) => void>> = {
  requests: repeating(PING, PING),
  silent: () => {},
  heads: repeating(`GET /livez HTTP/1.1\r\n${HEAD}`, 'X-More: 1\r\n'),
  bodies: repeating(
    `POST /login HTTP/1.1\r\n${HEAD}Content-Length: 65536\r\n\r\n${' '.repeat(60_000)}`,
    ' ',
  ),
  unread: unread('/swagger/swagger-ui.js'),
  document: unread('/swagger/json'),
}

const hold = WAYS[way]
if (!hold) throw new Error(`no such way: ${way}`)

const addressOf = (index: number): string => {
  const host = index % Number(addresses)
  return `127.0.${10 + Math.floor(host / 250)}.${1 + (host % 250)}`
}

const open = (index: number): void => {
  const options = { port: Number(portText), host: '127.0.0.1', localAddress: addressOf(index) }
  const socket =
    transport === 'tls' ? connectTls({ ...options, rejectUnauthorized: false }) : connect(options)
  socket.once(transport === 'tls' ? 'secureConnect' : 'connect', () => hold(socket))
  socket.on('error', () => {})
  socket.on('end', () => socket.destroy())
  if (way !== 'unread' && way !== 'document') socket.on('data', () => {})
  socket.once('close', () => setTimeout(open, REOPEN_MS, index))
}

for (let index = 0; index < Number(connections); index += 1) {
  open(index)
  if (index % RAMP === RAMP - 1) await Bun.sleep(RAMP_TICK_MS)
}
process.stdout.write('all opened\n')
