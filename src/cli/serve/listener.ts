import type { App } from '../../app.ts'
import type { Config } from '../../config/config.ts'
import { AppError } from '../../errors.ts'
import type { TlsPair } from '../../http/connection/certificate.ts'
import { inTurns } from '../../http/connection/turns.ts'
import { setSendBuffer, setTcpUserTimeout } from '../../http/connection/socket-options.ts'
import { attachProgram, setBacklog } from '../../http/connection/listening-sockets.ts'
import { keepBackPlainHttp } from '../../http/connection/plain-http.ts'
import type { Logger } from '../../http/log/logger.ts'

/** Answers requests on one port, and keeps answering while its certificate is replaced. */
export type Listener = {
  /** New connections get this certificate. Existing ones are drained, and no request is lost. Throws
   * if that fails; the previous certificate then stays. */
  readonly replaceCertificate: (pair: TlsPair) => void
  /** Accepts nothing new, finishes requests in flight and closes all connections. */
  readonly stop: (log: Logger) => Promise<void>
}

/** How long a connection, and its slot among its account's streams, is kept for a phone that is out
 * of reach. */
const DEAD_MS = 30_000

/** The kernel keeps twice as much of each answer that its client does not read: four thousand of them must
 * fit beside the service in 512 MiB. Enough for 5 MB/s at a round trip of 6 ms. */
const SEND_BUFFER_BYTES = 16 * 1024

/** New connections that wait to be accepted. With Bun's 512, a burst makes the kernel drop some, and
 * their clients try again after one second. */
const BACKLOG = 4096

type Http = App['http']
type Server = NonNullable<Http['server']>

/** Longer than a phone's pauses between requests, but not long enough to keep the connections of
 * sleeping phones. */
const IDLE_SECONDS = 30

/** Time from the last replacement until replaced servers are closed. By then each of their
 * connections has had an answer with `Connection: close` or has been idle for too long, which
 * matters because Bun closes idle connections with the server. */
const DRAIN_MS = (IDLE_SECONDS + 5) * 1000

/** Listens on the configured address and port. Throws `unavailable`.
 *
 * Bun cannot change the certificate of a server (https://github.com/oven-sh/bun/issues/43815). So
 * each certificate gets a server of its own, and the servers share the port by SO_REUSEPORT. */
export const listen = (
  http: Http,
  config: Config,
  pair: TlsPair | undefined,
  { drainMs = DRAIN_MS }: { readonly drainMs?: number } = {},
): Listener => {
  if (pair) probe(config)
  let current = open(http, config, pair)
  /** Servers that were replaced and still listen, in the order they were opened. */
  const replaced: Server[] = []
  const unfinished = new Set([current])
  let draining: Timer | undefined

  const replaceCertificate = (next: TlsPair): void => {
    const previous = current
    current = open(http, config, next)
    unfinished.add(current)
    replaced.push(previous)
    steerTo(replaced.length)
    previous.reload({ fetch: lastAnswer(http) })
    clearTimeout(draining)
    draining = setTimeout(drain, drainMs).unref()
  }

  /** Closes the newest of the replaced servers, and the others one by one. In the kernel's list the
   * last socket takes the place of a closed one, so the current server moves up by one each time.
   * Until connections are steered there, they may reach a server that is still open, which answers
   * them: hence the pause before that one is closed. */
  const drain = (): void => {
    const server = replaced.pop()
    if (!server) return
    void server.stop().then(() => unfinished.delete(server))
    steerTo(replaced.length)
    if (replaced.length > 0) draining = setTimeout(drain, drainMs / 10).unref()
  }

  return { replaceCertificate, stop: (log) => finishRequests([...unfinished], log) }
}

// Linux, socket(7); the same number on x86-64 and arm64.
const SO_ATTACH_REUSEPORT_CBPF = 51

/** Makes the kernel give all new connections to one of the sockets that share the port, counted in
 * the order they began to listen. An index that does not exist has no effect.
 *
 * Without this, the kernel spreads new connections over all of them. Then clients get the previous
 * certificate until it is drained, and closing its socket resets the connections that it has not
 * accepted yet: about one in each replacement under load, measured with eight clients that connect
 * without pause. Linux can hand those over itself (net.ipv4.tcp_migrate_req), but not by
 * default. */
const steerTo = (index: number): void => {
  // BPF_RET | BPF_K, "return this number".
  attachProgram(SO_ATTACH_REUSEPORT_CBPF, [[0x06, 0, 0, index]])
}

/** Throws if another program listens on the port. Sockets with SO_REUSEPORT would share it with any
 * other that has the option and belongs to the same user, including a second instance of this
 * program; a socket without it is refused.
 *
 * A second instance is not refused here if it probes before the first one listens, a few microseconds
 * later. On the same data folder the folder's lock refuses it; on another folder, two services that
 * were given the same port in the same instant share it. */
const probe = (config: Config): void => {
  const server = asUnavailable(config, () =>
    Bun.serve({ hostname: config.host, port: config.port, fetch: () => new Response() }),
  )
  void server.stop(true)
}

/** Restores what Elysia expects of a URL over TLS: with `standardHostname: false` (see app.ts) it
 * looks for the path from the 8th character on, which in `https://` is still a slash. The option is
 * needed because of https://github.com/elysiajs/elysia/issues/748; this one is not reported upstream
 * as of 2026-11. */
const securely = ({ fetch }: Http) => {
  // A copy of the request would lose its connection, and so the client's address.
  return (request: Request) =>
    fetch(Object.defineProperty(request, 'url', { value: request.url.replace(/^https/, 'http') }))
}

/** Answers and closes the connection, so that the client's next one gets the new certificate. */
const lastAnswer = (http: Http) => {
  const fetch = securely(http)
  return async (request: Request) => {
    const answer = await fetch(request)
    answer.headers.set('connection', 'close')
    return answer
  }
}

const open = (http: Http, config: Config, pair: TlsPair | undefined): Server => {
  const server = asUnavailable(config, () =>
    // Elysia's own listen compiles all routes twice before it answers (not reported upstream as of
    // 2026-11).
    Bun.serve({
      hostname: config.host,
      port: config.port,
      reusePort: pair !== undefined,
      idleTimeout: IDLE_SECONDS,
      // The limit on bodies answers 413 in our words; see http/request/json-body.ts.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      ...(pair
        ? { fetch: inTurns(securely(http)), tls: { cert: pair.cert, key: pair.key } }
        : { fetch: inTurns(http.fetch) }),
    }),
  )
  http.server = server
  setTcpUserTimeout(DEAD_MS)
  setSendBuffer(SEND_BUFFER_BYTES)
  setBacklog(BACKLOG)
  if (pair) keepBackPlainHttp()
  return server
}

const asUnavailable = <Opened>({ host, port }: Config, work: () => Opened): Opened => {
  try {
    return work()
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
