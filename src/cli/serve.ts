import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { parseArgs } from 'node:util'
import { version } from '../../package.json'
import { CLAIM_MINUTES } from '../accounts/setup.ts'
import { type App, openApp } from '../app.ts'
import { type Config, givenSettings, parseConfig } from '../config.ts'
import { AppError } from '../errors.ts'
import { isLoopback } from '../http/client-address.ts'
import { endDeadConnections } from '../http/dead-connections.ts'
import { type Log, logWritten, logger } from '../http/log.ts'
import { hasAddress, ownUrls } from '../http/own-address.ts'
import { qrTerminal } from '../http/qr.ts'
import { lockFolder } from '../storage/folder-lock.ts'
import { fileFault, makePrivateFolder } from '../storage/private-files.ts'
import type { Command, Terminal } from './command.ts'
import { serviceManager } from './service-manager.ts'

/** Runs the service until it is asked to stop. */
export const serve: Command = {
  usage: 'serve',
  summary: 'run the service (the default)',
  run: async (args, terminal) => {
    parseArgs({ args: [...args], options: {} })
    const stopRequested = terminal.stopRequested()
    const config = parseConfig(terminal.env)
    makePrivateFolder(config.dataDir)
    const unlockFolder = lockFolder(config.dataDir)
    const log = logger({ level: config.logLevel, format: config.logFormat })
    // Whatever the level leaves out else.
    const securityLog = log.child({}, { level: 'info' })
    const app = await openApp(config, { log, securityLog })
    const manager = serviceManager(terminal.env)
    try {
      const server = listen(app, config)
      await orTold(app.recordStart(givenSettings(terminal.env)), log)
      await app.watch.start()
      await app.keeping.apply()
      await app.erasures.resume()
      await greet(config, app, terminal)
      log.info({ version, port: config.port }, 'started')
      manager.ready()
      await stopRequested
      log.info('stopping')
      manager.stopping()
      app.live.close()
      await Promise.all([orTold(app.recordStop(), log), finishRequests(server, log)])
    } finally {
      await app.close()
      unlockFolder()
    }
    log.info('stopped')
    await logWritten()
    return 0
  },
}

/** A disk that takes no record keeps the service neither from starting nor from stopping. */
const orTold = async (recorded: Promise<void>, log: Log): Promise<void> => {
  try {
    await recorded
  } catch (error) {
    log.error({ err: error }, 'security event not recorded')
  }
}

type Server = NonNullable<App['http']['server']>

/** Longer than a phone's pauses, shorter than a sleeping one keeps a connection for nothing. */
const IDLE_SECONDS = 30

/** What a phone that is out of reach keeps open, and its place among its account's streams. */
const DEAD_MS = 30_000

const listen = ({ http }: App, config: Config): Server => {
  const { host, port } = config
  const tls = certificate(config)
  try {
    http.listen({
      hostname: host,
      port,
      // Elysia's default lets two servers share a port, and each answer half of the phones.
      reusePort: false,
      idleTimeout: IDLE_SECONDS,
      // The body's own limit answers 413 in our words; see http/json-body.ts.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      ...(tls ? { tls } : {}),
    })
  } catch (error) {
    throw new AppError('unavailable', cannotListen(error, host, port), { cause: error })
  }
  if (!http.server) throw new Error('the server did not start')
  endDeadConnections(DEAD_MS)
  return http.server
}

/** Reads the certificate and its key, and checks that they are PEM and belong together. */
const certificate = ({ tlsCertFile, tlsKeyFile }: Config) => {
  if (!tlsCertFile) return undefined
  try {
    const tls = { cert: readFileSync(tlsCertFile), key: readFileSync(tlsKeyFile) }
    createSecureContext(tls)
    return tls
  } catch (error) {
    const fault = tlsFault(error)
    throw new AppError('unavailable', `Cannot use TLS_CERT_FILE and TLS_KEY_FILE: ${fault}`, {
      cause: error,
    })
  }
}

const tlsFault = (error: unknown): string => {
  const words = fileFault(error)
  if (words.includes('NO_START_LINE')) return 'one of them is not PEM'
  if (words.includes('VALUES_MISMATCH')) return 'the key does not belong to the certificate'
  return words
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

/** Tells the person at the terminal where the service is, where its data lies and what to mind. */
const greet = async (config: Config, app: App, terminal: Terminal): Promise<void> => {
  const { say } = terminal
  say(`Secure Lock Server ${version}`)
  for (const url of ownUrls(config)) say(`  listening  ${url}`)
  say(`  data       ${config.databaseUri}`)
  for (const warning of warnings(config)) say(`  warning    ${warning}`)
  await offerClaim(app, terminal)
}

/** Says how somebody becomes the first owner. The code is for whoever sees this start, so it is
 * said and never logged. */
const offerClaim = async ({ setup }: App, { say, isShown }: Terminal): Promise<void> => {
  const claim = await setup.newClaim()
  if (!claim) return
  say(
    `  owner      no owner yet: make one within ${CLAIM_MINUTES} minutes with this code, or its link`,
  )
  say(`  code       ${claim.code}`)
  say(`  link       ${claim.link}`)
  if (isShown) say(qrTerminal(claim.link))
  say('  later      restart for another code, or, with these settings, run')
  say(`             ${process.execPath} user add --role owner NAME`)
}

const warnings = (config: Config): readonly string[] => {
  const found: string[] = []
  if (!config.tlsCertFile && !isLoopback(config.host))
    found.push(
      'plain HTTP: whoever shares the network can read passwords; set TLS_CERT_FILE and TLS_KEY_FILE',
    )
  if (!hasAddress(config) && !config.publicUrl)
    found.push(
      'this machine has no network address yet, so its links lead nowhere else; restart once it has, or set PUBLIC_URL',
    )
  if (config.registration === 'open' && !isLoopback(config.host))
    found.push(
      'registration is open to everybody on the network; set REGISTRATION=invite, or closed once all are in',
    )
  if (config.debug)
    found.push('DEBUG shows the tables to every program on this machine without a password')
  return found
}

/** Requests in flight get this long before their connections are cut. */
const FINISH_MS_MAX = 4000

const finishRequests = async (server: Server, log: Log): Promise<void> => {
  void server.stop()
  const deadline = performance.now() + FINISH_MS_MAX
  while (server.pendingRequests > 0 && performance.now() < deadline) await Bun.sleep(10)
  if (server.pendingRequests > 0)
    log.warn({ requests: server.pendingRequests }, 'requests left unanswered')
  await server.stop(true)
}
