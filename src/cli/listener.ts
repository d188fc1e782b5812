import type { App } from '../app.ts'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import type { TlsPair } from '../http/certificate.ts'
import { setTcpUserTimeout } from '../http/dead-connections.ts'
import type { Logger } from '../http/log.ts'
import { type PortSharing, portSharing } from './port-sharing.ts'

/** Takes requests on one port, and goes on doing so with another certificate. */
export type Listener = {
  /** New connections get this certificate; those there are end by themselves, and no request is lost.
   * Throws where that cannot be done; the certificate before then stays. */
  readonly takeUp: (pair: TlsPair) => void
  /** Takes nothing new, finishes what is in flight, and closes all connections. */
  readonly stop: (log: Logger) => Promise<void>
}

/** What a phone that is out of reach keeps open, and its place among its account's streams. */
const DEAD_MS = 30_000

type Http = App['http']
type Server = NonNullable<Http['server']>

/** Longer than a phone's pauses, shorter than a sleeping one keeps a connection for nothing. */
const IDLE_SECONDS = 30

/** Until a listener that was replaced is closed: its handshakes are through by then, and its
 * connections have had an answer that says `Connection: close`, or were idle for too long. */
const RETIRED_MS = (IDLE_SECONDS + 5) * 1000

/** Listens where the settings say. Throws `unavailable`. */
export const listen = (
  http: Http,
  config: Config,
  pair: TlsPair | undefined,
  { retiredMs = RETIRED_MS }: { readonly retiredMs?: number } = {},
): Listener => {
  let current = open(http, config, pair, { isShared: false })
  // The listeners of the port as the kernel counts them (reuseport_detach_sock): one that is closed
  // leaves its place to the last.
  const sharing = [current]
  const unfinished = new Set([current])
  let port: PortSharing | undefined

  const forget = (server: Server): void => {
    const place = sharing.indexOf(server)
    const last = sharing.pop()
    if (last && last !== server) sharing[place] = last
    void server.stop().then(() => unfinished.delete(server))
    if (sharing.length > 1) port?.steerTo(sharing.indexOf(current))
  }

  const takeUp = (next: TlsPair): void => {
    port ??= portSharing(config.port)
    if (!port?.share())
      throw new Error('this system cannot change it while the service runs; restart the service')
    const before = current
    current = open(http, config, next, { isShared: true })
    unfinished.add(current)
    sharing.push(current)
    port.steerTo(sharing.indexOf(current))
    before.reload({ fetch: lastAnswer(http) })
    setTimeout(() => forget(before), retiredMs).unref()
  }

  return { takeUp, stop: (log) => finishRequests([...unfinished], log) }
}

/** Lets Elysia read paths over TLS: told of host names of any length (`standardHostname: false`), it
 * looks for a path right behind `http://`, and behind `https://` finds another slash there. */
const securely = ({ fetch }: Http) => {
  // A copy of the request would not know which connection it came by, and so not from whom.
  return (request: Request) =>
    fetch(Object.defineProperty(request, 'url', { value: request.url.replace(/^https/, 'http') }))
}

/** Answers, and lets the connection end: the client makes the next one with the new certificate. */
const lastAnswer = (http: Http) => {
  const fetch = securely(http)
  return async (request: Request) => {
    const answer = await fetch(request)
    answer.headers.set('connection', 'close')
    return answer
  }
}

const open = (
  http: Http,
  { host, port }: Config,
  pair: TlsPair | undefined,
  { isShared }: { readonly isShared: boolean },
): Server => {
  try {
    // Not by Elysia's own listen, which compiles all routes twice before it answers.
    const server = Bun.serve({
      hostname: host,
      port,
      reusePort: isShared,
      idleTimeout: IDLE_SECONDS,
      // The body's own limit answers 413 in our words; see http/json-body.ts.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      ...(pair
        ? { fetch: securely(http), tls: { cert: pair.cert, key: pair.key } }
        : { fetch: http.fetch }),
    })
    http.server = server
    setTcpUserTimeout(DEAD_MS)
    return server
  } catch (error) {
    throw new AppError('unavailable', cannotListen(error, host, port), { cause: error })
  }
}

const cannotListen = (error: unknown, host: string, port: number): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const reason: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program uses this port; stop it, or set PORT to another number',
    EACCES: 'this user may not use this port; set PORT to 1024 or more',
    EPERM: 'this user may not use this port; set PORT to 1024 or more',
    EADDRNOTAVAIL: 'this machine does not have that address; check HOST',
  }
  const words = error instanceof Error ? error.message : String(error)
  return `Cannot listen on ${host} port ${port}: ${reason[String(code)] ?? words}`
}

/** Requests in flight get this long before their connections are cut. */
const FINISH_MS_MAX = 4000

const finishRequests = async (servers: readonly Server[], log: Logger): Promise<void> => {
  for (const server of servers) void server.stop()
  const deadline = performance.now() + FINISH_MS_MAX
  const pending = () => servers.reduce((sum, server) => sum + server.pendingRequests, 0)
  while (pending() > 0 && performance.now() < deadline) await Bun.sleep(10)
  if (pending() > 0) log.warn({ requests: pending() }, 'requests left unanswered')
  await Promise.all(servers.map((server) => server.stop(true)))
}
