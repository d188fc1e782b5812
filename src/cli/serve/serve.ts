import { parseArgs } from 'node:util'
import { version } from '../../../package.json'
import { SETUP_CODE_MINUTES } from '../../accounts/registration/first-owner.ts'
import { type App, openApp } from '../../app.ts'
import {
  type Config,
  givenSettings,
  parseConfig,
  portableSettings,
  shownPlace,
} from '../../config/config.ts'
import { instanceOf } from '../../config/instance.ts'
import { systemZoneFault } from '../../config/home-zone.ts'
import { SETTINGS } from '../../config/settings.ts'
import { AppError } from '../../errors.ts'
import { yieldToEventLoop } from '../../domain/event-loop.ts'
import { giveBackStartMemory } from '../../domain/start-memory.ts'
import { isLoopback } from '../../http/request/client-address.ts'
import { type Logger, logWritten, processLogger, switchLevel } from '../../http/log/logger.ts'
import { debugObstacle } from '../../legacy-tables/debug.ts'
import { hasAddress, ownUrls } from '../../http/connection/public-url.ts'
import { qrTerminal } from '../../http/page/qr.ts'
import { backupProcess } from '../backup/backup-process.ts'
import { type Command, type Terminal, UsageError, ownCommand } from '../command/command.ts'
import { besideTerm } from '../command/table.ts'
import { describeService, onCommandChange } from '../command/running-service.ts'
import { whileLeading } from './leader.ts'
import { isOwnSetting, joinReplicas } from './same-settings.ts'
import { listen } from './listener.ts'
import { sdNotify } from './sd-notify.ts'

/** Runs the service until it is asked to stop. */
export const serve: Command = {
  summary: 'run the service (the default)',
  run: async (args, terminal) => {
    const { positionals } = parseArgs({ args: [...args], allowPositionals: true, options: {} })
    if (positionals.length > 0) throw new UsageError('serve takes no arguments')
    const stopRequested = terminal.stopRequested()
    let reload = () => {}
    terminal.onReloadRequest(() => reload())
    const config = parseConfig(terminal.env)
    const { logLevel, logFormat } = config
    const log = processLogger({
      level: logLevel,
      format: logFormat ?? (terminal.isOutputShown ? 'text' : 'json'),
      isColoured: terminal.hasColours,
    })
    // Audit events are logged at every level.
    const auditLogger = log.child({}, { level: 'info' })
    const certificates = await reloaderOf(config)
    const notify = sdNotify(terminal.env)
    const { promise: writerHasDied, resolve: writerDied } = Promise.withResolvers<void>()
    const opening = openApp(config, {
      logger: log,
      auditLogger,
      use: 'service',
      onUpgrade: (done) => {
        notify.upgrading()
        log.info({ done }, 'upgrading the database')
      },
      onWriterDeath: (error, isLast) => {
        log.error({ err: error }, 'writer thread died')
        if (isLast) writerDied()
      },
      createBackup: backupProcess(terminal.env),
      certificate: () => certificates?.current().facts,
    })
    const stopped = stopRequested.then(() => Bun.sleep(OPENING_MS_MAX))
    const app = await Promise.race([opening, stopped])
    if (!app) {
      log.warn('stopped during startup, which did not finish')
      await logWritten()
      return 0
    }
    let removeDescription = () => {}
    let stopLooking = () => {}
    try {
      terminal.onLevelRequest(() => {
        const { from, to } = switchLevel(log, logLevel)
        void logFailure(app.audit.lifecycle.recordSetting(SETTINGS.logLevel.env, from, to), log)
      })
      // Before the first answer, so that none calls an unverified log intact or signs one that was replaced.
      const hasJoined = await joinReplicas(app, {
        config,
        version,
        log,
        stopRequested,
        onDissent: (error) => {
          log.error({ reason: error.message }, 'other replicas have different settings')
          writerDied()
        },
      })
      if (!hasJoined) {
        log.warn('stopped during startup, while other replicas had different settings')
        return 0
      }
      app.unlocks.guard.begin()
      await app.unlocks.findBreak()
      await app.unlocks.verification.verifyRecent()
      const listener = listen(app.http, config, certificates?.current())
      // Before anything that a request records, but no request waits for it.
      const recorded = logFailure(app.audit.lifecycle.recordStart(settingsOf(app, terminal)), log)
      // Requests are answered from here on, before the rest of the start.
      await yieldToEventLoop()
      removeDescription = described(config, terminal, log)
      app.connections.watch(log)
      await recorded
      await whileLeading(app, log)
      stopLooking = onCommandChange(config, () => void takeUp(app, log))
      await greet(config, app, terminal)
      log.info({ version, port: config.port, instance: instanceOf(config) }, 'started')
      giveBackStartMemory()
      certificates?.watch(log)
      reload = () => {
        if (!certificates) return log.warn('nothing to reload: TLS_CERT_FILE is not set')
        notify.reloading()
        const { replaceCertificate: apply } = listener
        void logFailure(certificates.reload({ apply, record: app.audit.record, log }), log)
        notify.ready()
      }
      notify.ready()
      await Promise.race([stopRequested, writerHasDied])
      log.info('stopping')
      notify.stopping()
      app.unlocks.eventStream.close()
      app.controllers.endPolls()
      await Promise.all([logFailure(app.audit.lifecycle.recordStop(), log), listener.stop(log)])
    } finally {
      stopLooking()
      removeDescription()
      await app[Symbol.asyncDispose]()
    }
    log.info('stopped')
    await logWritten()
    return 0
  },
}

/** The settings as the audit trail compares them. */
const settingsOf = ({ db }: App, { env }: Terminal) =>
  givenSettings(env).map((setting) => ({
    ...setting,
    isOwn: !db.isFile && isOwnSetting(setting.name),
  }))

/** Takes up what a command beside the service has changed. */
const takeUp = async ({ outbox, drivers, controllers }: App, log: Logger): Promise<void> => {
  outbox.refresh()
  try {
    await drivers.refresh()
    await controllers.refresh()
  } catch (error) {
    log.error({ err: error }, 'drivers and controllers of locks not read again')
  }
}

/** How long a start may continue after it was asked to stop, for example on a disk that does not answer. */
const OPENING_MS_MAX = 5000

/** Loaded only to serve HTTPS. */
const reloaderOf = async ({ tlsCertFile, tlsKeyFile }: Config) => {
  if (tlsCertFile === undefined || tlsKeyFile === undefined) return undefined
  const { certificateReloader } = await import('./certificate-reloader.ts')
  return certificateReloader({ tlsCertFile, tlsKeyFile })
}

/** Describes the service for the commands beside it; a full disk does not prevent the start. */
const described = (config: Config, { env }: Terminal, log: Logger): (() => void) => {
  try {
    return describeService(config, env)
  } catch (error) {
    log.error({ err: error }, 'cannot tell commands where the service listens')
    return () => {}
  }
}

/** Logs a failure to write, so that a full disk prevents neither a start nor a stop. */
const logFailure = async (recorded: Promise<void>, log: Logger): Promise<void> => {
  try {
    await recorded
  } catch (error) {
    log.error({ err: error }, 'audit event not recorded')
  }
}

/** Tells the person at the terminal where the service listens, where its data is and what to look at. */
const greet = async (config: Config, app: App, terminal: Terminal): Promise<void> => {
  const { say } = terminal
  say(`Secure Lock Server ${version}`)
  for (const url of ownUrls(config)) say(`  listening  ${url}`)
  say(`  data       ${shownPlace(config)}`)
  try {
    await greetFromDatabase(config, app, terminal)
  } catch (error) {
    // The service listens already, and recovers once the database answers.
    if (!(error instanceof AppError && error.code === 'unavailable')) throw error
    say(besideTerm('  warning    ', `${error.message}. ${LEFT_OUT}`, terminal))
  }
}

const LEFT_OUT =
  'Further warnings and the setup code for a first owner are not shown; to see them, restart once the database answers'

/** Shows what depends on the data. Rejects with `unavailable` if the database does not answer. */
const greetFromDatabase = async (config: Config, app: App, terminal: Terminal): Promise<void> => {
  const { say } = terminal
  const registration = await app.accounts.settings.registration()
  for (const warning of warnings({ ...config, registration }, terminal.env['TZ']))
    say(besideTerm('  warning    ', warning, terminal))
  if (await app.ops.backups.isFolderMissing())
    say(besideTerm('  warning    ', noBackupFolder(config), terminal))
  await offerSetupCode(config, app, terminal)
}

/** Shows how to become the first owner. The code is for the person who starts the service, so it is
 * never logged. */
const offerSetupCode = async (
  config: Config,
  { accounts: { firstOwner } }: App,
  terminal: Terminal,
): Promise<void> => {
  const { say, sayStyled, isShown } = terminal
  const setupCode = await firstOwner.newSetupCode()
  if (!setupCode) return
  say(
    `  owner      no owner yet: create one within ${SETUP_CODE_MINUTES} minutes with this code or link`,
  )
  say(`  code       ${setupCode.code}`)
  say(`  link       ${setupCode.link}`)
  if (isShown) sayStyled(qrTerminal(setupCode.link))
  const command = ownCommand(terminal, 'user add --role owner NAME')
  const also = isAddressLeftOut(config, terminal) ? ' with the same DATABASE_URI' : ''
  say(`  later      restart for a new code, or run${also}`)
  say(`             ${command}`)
}

/** True if a printed command omits the address of the server, because it contains a password and is not in a file. */
const isAddressLeftOut = ({ postgres }: Config, { env, settingsFile }: Terminal): boolean => {
  const name = SETTINGS.databasePath.env
  const known = { ...settingsFile?.settings, ...portableSettings(env) }
  return postgres !== undefined && !known[name] && !known[`${name}_FILE`]
}

const noBackupFolder = ({ backupDir }: Config): string =>
  `there is no folder ${backupDir} (BACKUP_DIR), so nothing is backed up: create it, or mount its disk`

const warnings = (config: Config, tz: string | undefined): readonly string[] => {
  const found: string[] = []
  if (config.tlsCertFile === undefined && !isLoopback(config.host))
    found.push(
      'plain HTTP: anyone on the network can read passwords; set TLS_CERT_FILE and TLS_KEY_FILE',
    )
  if (!hasAddress(config) && config.publicUrl === undefined)
    found.push(
      'this machine has no network address yet, so links work only on it; restart once it has one, or set PUBLIC_URL',
    )
  if (config.registration === 'open' && !isLoopback(config.host))
    found.push(
      'registration is open to everyone on the network; change it in the console, or set REGISTRATION=invite (or closed, once everyone has registered)',
    )
  const zoneFault = config.homeZone === undefined ? systemZoneFault(tz) : undefined
  if (zoneFault !== undefined) found.push(zoneFault)
  const obstacle = debugObstacle(config)
  if (obstacle !== undefined) found.push(`DEBUG has no effect: ${obstacle}`)
  else if (config.debug)
    found.push(
      'DEBUG shows the tables to every program on this machine without a password, and to anyone that a proxy or tunnel on it lets in; turn it off once you are done',
    )
  return found
}
