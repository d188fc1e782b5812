import { type Socket, connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Clients that hold connections until this process is killed, each reopened when it is cut.
 * `bun hoarders.ts URL CONNECTIONS ADDRESSES WAY`: from that many loopback addresses, in one of the
 * ways below, or, if the way is a path, with its answer unread. With TOKEN, as that account. */
const [url = '', connections = '', addresses = '', way = ''] = process.argv.slice(2)
const { protocol, port } = new URL(url)
const token = process.env['TOKEN']

/** Between two writes of a connection, and before a new one. */
const EVERY_MS = 5000
const REOPEN_MS = 2000
/** At most this many new connections per tick, as a network would let through. */
const RAMP = 10
const RAMP_TICK_MS = 25

const HEAD = `Host: lock.home\r\nContent-Type: application/json\r\n${token ? `Authorization: Bearer ${token}\r\n` : ''}`
const PING = `GET /livez HTTP/1.1\r\n${HEAD}\r\n`
const HALF_BODY = `Content-Length: 65536\r\n\r\n${' '.repeat(60_000)}`

const repeating = (first: string, again: string) => (socket: Socket) => {
  socket.resume()
  socket.write(first)
  const timer = setInterval(() => socket.write(again), EVERY_MS)
  socket.once('close', () => clearInterval(timer))
}

const unread = (path: string) => (socket: Socket) => {
  socket.pause()
  socket.write(`GET ${path} HTTP/1.1\r\n${HEAD}\r\n`)
}

const WAYS: Readonly<Record<string, (socket: Socket) => void>> = {
  requests: repeating(PING, PING),
  silence: (socket) => void socket.resume(),
  'half a head': repeating(`GET /livez HTTP/1.1\r\n${HEAD}`, 'X-More: 1\r\n'),
  'half a body': repeating(`POST /login HTTP/1.1\r\n${HEAD}${HALF_BODY}`, ' '),
}

const hold = way.startsWith('/') ? unread(way) : WAYS[way]
if (!hold) throw new Error(`no such way: ${way}`)

const addressOf = (index: number): string => {
  const host = index % Number(addresses)
  return `127.0.${10 + Math.floor(host / 250)}.${1 + (host % 250)}`
}

const open = (index: number): void => {
  const options = { port: Number(port), host: '127.0.0.1', localAddress: addressOf(index) }
  const isTls = protocol === 'https:'
  const socket = isTls
    ? connectTls({ ...options, rejectUnauthorized: false })
    : connect({ ...options, allowHalfOpen: false })
  socket.once(isTls ? 'secureConnect' : 'connect', () => hold(socket))
  socket.on('error', () => {})
  socket.on('end', () => socket.destroy())
  socket.once('close', () => setTimeout(open, REOPEN_MS, index))
}

for (let index = 0; index < Number(connections); index += 1) {
  open(index)
  if (index % RAMP === RAMP - 1) await Bun.sleep(RAMP_TICK_MS)
}
process.stdout.write('all opened\n')
