import type { Config } from '../../config/config.ts'
import { canonicalAddress, clientKey, isTrustedPeer } from '../request/client-address.ts'
import type { Logger } from '../log/logger.ts'
import { linkBase } from './public-url.ts'
import { plainHttpAnswers } from './plain-http.ts'
import { excess } from './excess.ts'
import { type ConnectionTable, type OpenConnection, connectionTable } from './open-connections.ts'

/** The TCP peer of a request. */
export type Peer = { readonly address: string; readonly port: number }

export type ClientConnections = ReturnType<typeof clientConnections>

/** How often open files are counted. With a handful of them, that takes some microseconds. */
const EVERY_MS = 250
/** With no more open files than this, connections are not even listed. */
const FILES_ALWAYS_FINE = 32
/** Listing takes at most this share of the time. */
const LISTING_SHARE = 0.1

/** Of all clients. More would need more memory than the 512 MiB that the systemd unit allows. */
const CONNECTIONS_MAX = 4096
/** Open files kept for the database and for new connections: this share of the limit. */
const RESERVE_SHARE = 1 / 8
const RESERVE_MIN = 64

/** Connections whose client does not take the answer. Each holds some 35 KiB in the kernel, and as
 * much of the answer as was created. */
const UNREAD_MAX = 256
const UNREAD_PER_CLIENT_MAX = 64

/** Requests in flight with a body over this size. */
const LARGE_BODY_BYTES = 4096
const LARGE_BODIES_BYTES_MAX = 64 * 1024 ** 2
const LARGE_BODIES_MAX = 64
const LARGE_BODIES_MIN = 16

/** Beyond this many times the bound, a newcomer's request is refused as it comes: a burst must not fill
 * the memory before connections are looked at again. */
const LARGE_BODIES_BURST = 2

/** Requests in flight that are remembered. */
const IN_FLIGHT_MAX = 2 * CONNECTIONS_MAX

const LOG_EVERY_MS = 60_000

type Settings = Pick<
  Config,
  | 'host'
  | 'port'
  | 'publicUrl'
  | 'tlsCertFile'
  | 'connectionsPerClient'
  | 'trustedProxies'
  | 'bodyBytesMax'
>

type InFlight = {
  readonly request: Request
  readonly peer: Peer
  readonly sinceMs: number
  /** Whose large body is on its way. Members have their own share: newcomers must not keep their
   * phones' queues out. */
  body: 'newcomer' | 'member' | undefined
}

type Connection = OpenConnection & {
  readonly client: string
  readonly inFlight: InFlight | undefined
}

/** Bounds what the connections of clients hold: descriptors, unread answers, and bodies that arrive
 * slowly. A client with more than its bound, or the one with the most if all together have too many,
 * loses connections: idle ones first, those with a request in flight last. */
export const clientConnections = (settings: Settings) => {
  const { port: localPort, connectionsPerClient, trustedProxies, bodyBytesMax } = settings
  const inFlight = new Map<Request, InFlight>()
  /** Requests whose answer has no end. */
  const held = new WeakSet<Request>()
  const largeBodiesMax = Math.max(
    LARGE_BODIES_MIN,
    Math.min(LARGE_BODIES_MAX, Math.floor(LARGE_BODIES_BYTES_MAX / bodyBytesMax)),
  )
  const bodies = { newcomer: 0, member: 0 }
  let isScarce = false
  let timer: Timer | undefined

  const forget = (request: Request): void => {
    const body = inFlight.get(request)?.body
    if (body) bodies[body] -= 1
    inFlight.delete(request)
  }

  /** Lists the connections to this service, and forgets requests whose connection is gone. */
  const connectionsAmong = (table: ConnectionTable, files: readonly number[]) => {
    const requests = new Map([...inFlight.values()].map((each) => [nameOfPeer(each.peer), each]))
    const connections = table.connectionsAmong(files, localPort).map((open): Connection => {
      const name = nameOf(open.address, open.port)
      const request = requests.get(name)
      requests.delete(name)
      const client = isTrustedPeer(open.address, trustedProxies)
        ? open.address
        : clientKey(open.address)
      return { ...open, client, inFlight: request }
    })
    for (const { request } of requests.values()) forget(request)
    return connections
  }

  const bounded = (max: number, perClient: number, order: Order) => ({
    clientOf: ({ client }: Connection) => client,
    max,
    maxOf: (client: string) =>
      isTrustedPeer(client, trustedProxies) ? Number.POSITIVE_INFINITY : perClient,
    order,
  })

  /** Returns the connections to end. */
  const tooMany = (connections: readonly Connection[], max: number): ReadonlySet<Connection> => {
    const unread = excess(
      connections.filter(({ isUnread }) => isUnread),
      bounded(UNREAD_MAX, UNREAD_PER_CLIENT_MAX, longestUnsentFirst),
    )
    const bodiesOf = (whose: 'newcomer' | 'member') =>
      excess(
        connections.filter((connection) => connection.inFlight?.body === whose),
        bounded(largeBodiesMax, largeBodiesMax, idleFirst),
      )
    const ended = unread.union(bodiesOf('newcomer')).union(bodiesOf('member'))
    const others = connections.filter((connection) => !ended.has(connection))
    return ended.union(excess(others, bounded(max, connectionsPerClient, idleFirst)))
  }

  const checker = (table: ConnectionTable, log: Logger) => {
    const reserve = Math.max(table.filesMax * RESERVE_SHARE, RESERVE_MIN)
    const tell = endedLog(log)
    const answerPlainHttp =
      settings.tlsCertFile === undefined
        ? () => {}
        : plainHttpAnswers(table, localPort, () => linkBase(settings))
    let restUntilMs = 0
    return (): void => {
      const begunMs = performance.now()
      if (begunMs < restUntilMs) return
      const files = table.openFiles()
      answerPlainHttp(files)
      if (files.length <= FILES_ALWAYS_FINE && inFlight.size <= FILES_ALWAYS_FINE) {
        isScarce = false
        return
      }
      const connections = connectionsAmong(table, files)
      const otherFiles = files.length - connections.length
      const max = Math.min(CONNECTIONS_MAX, Math.max(table.filesMax - reserve - otherFiles, 1))
      const ended = tooMany(connections, max)
      for (const connection of ended) table.end(connection)
      isScarce = connections.length > max - reserve / 2
      tell(ended)
      const endedMs = performance.now()
      restUntilMs = endedMs + (endedMs - begunMs) / LISTING_SHARE
    }
  }

  return {
    /** Remembers a request until its answer: its connection is among the last to be ended. */
    begin: (request: Request, peer: Peer): void => {
      if (inFlight.size < IN_FLIGHT_MAX)
        inFlight.set(request, { request, peer, sinceMs: performance.now(), body: undefined })
    },

    /** Notes whose body a request brings, if it is large. Returns false for one that must be refused,
     * because too many are on their way. */
    hasRoomForBody: (request: Request, whose: 'newcomer' | 'member'): boolean => {
      if (!hasLargeBody(request)) return true
      if (bodies[whose] >= LARGE_BODIES_BURST * largeBodiesMax) return false
      const known = inFlight.get(request)
      if (!known) return true
      bodies[whose] += 1
      known.body = whose
      return true
    },

    /** Called after each answer. */
    end: (request: Request): void => {
      if (!held.has(request)) forget(request)
    },

    /** The request is in flight until its connection is gone: its answer is a stream without end. */
    hold: (request: Request): void => void held.add(request),

    /** Whether answers should close their connections, because few descriptors are left. */
    isScarce: (): boolean => isScarce,

    /** Keeps connections within their bounds until disposed. Without Linux's `/proc` it does nothing. */
    watch: (log: Logger): void => {
      const table = tableIfPossible(log)
      if (table) timer = setInterval(checker(table, log), EVERY_MS)
    },

    [Symbol.dispose]: (): void => clearInterval(timer),
  }
}

type Order = (left: Connection, right: Connection) => number

const longestUnsentFirst: Order = (left, right) => right.unsentMs - left.unsentMs

/** Idle connections first, those idle longest at the front; then requests in flight, oldest first. */
const idleFirst: Order = (left, right) => {
  if (left.inFlight && right.inFlight) return left.inFlight.sinceMs - right.inFlight.sinceMs
  if (left.inFlight) return 1
  return right.inFlight ? -1 : right.idleMs - left.idleMs
}

const hasLargeBody = ({ headers }: Request): boolean => {
  const length = headers.get('content-length')
  return length === null ? headers.has('transfer-encoding') : Number(length) > LARGE_BODY_BYTES
}

const nameOfPeer = ({ address, port }: Peer): string => nameOf(canonicalAddress(address), port)

const nameOf = (address: string, port: number): string => `${address} ${port}`

const tableIfPossible = (log: Logger): ConnectionTable | undefined => {
  try {
    return connectionTable()
  } catch (error) {
    log.warn({ err: error }, 'connections are not bounded on this system')
    return undefined
  }
}

/** Logs connections that were ended, at most once a minute: how many, and of which client most. */
const endedLog = (log: Logger) => {
  const counts = new Map<string, number>()
  let loggedMs = Number.NEGATIVE_INFINITY
  return (ended: ReadonlySet<Connection>): void => {
    for (const { client } of ended) counts.set(client, (counts.get(client) ?? 0) + 1)
    if (counts.size === 0 || performance.now() < loggedMs + LOG_EVERY_MS) return
    const [most] = [...counts].toSorted(([, left], [, right]) => right - left)
    const connections = [...counts.values()].reduce((sum, count) => sum + count, 0)
    log.warn(
      { connections, clients: counts.size, client: most?.[0] },
      'ended connections: a client, or all together, had too many',
    )
    counts.clear()
    loggedMs = performance.now()
  }
}
