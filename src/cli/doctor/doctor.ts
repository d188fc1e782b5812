import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs, styleText } from 'node:util'
import { registrationOf } from '../../accounts/registration/settings.ts'
import { settingsIn } from '../../storage/sqlite/setting-store.ts'
import { hasOwner } from '../../accounts/core/store.ts'
import { accountsEnding } from '../../accounts/people/ending-store.ts'
import { guessedPasswords } from '../../audit/guesses-store.ts'
import { lastingTokens } from '../../accounts/tokens/store.ts'
import { auditStore } from '../../audit/store.ts'
import {
  type Config,
  ConfigError,
  givenSettings,
  parseConfig,
  settingsOver,
  secretFiles,
} from '../../config/config.ts'
import { homeZone } from '../../config/home-zone.ts'
import { clockFrom } from '../../domain/clock.ts'
import { shownText } from '../../domain/text/shown-text.ts'
import { AppError } from '../../errors.ts'
import { controllerChecks } from '../../controllers/checks.ts'
import { doorKeyReader } from '../../controllers/door-key/reader.ts'
import { certificateFacts } from '../../http/connection/certificate.ts'
import { suspensionsIn } from '../../locks/restore/suspension-store.ts'
import { operatorsIn } from '../../locks/operator/store.ts'
import { acceptancesAt } from '../../ops/acceptance-store.ts'
import { backupService } from '../../ops/backups/backups.ts'
import { doctor as serviceDoctor, startedMs } from '../../ops/doctor.ts'
import { type Finding, logFinding } from '../../ops/finding.ts'
import { KEY_FILES, SIGNED_HEAD_FILE } from '../../storage/files/data-dir.ts'
import { withoutWriting } from '../../storage/database-diagnostics.ts'
import { leftParts, moveIn } from '../../storage/moving/moved.ts'
import { serverFacts } from '../../storage/postgres/diagnostics.ts'
import { fileFault } from '../../storage/files/private-files.ts'
import { signedHeadFile } from '../../unlocks/guard/head-file.ts'
import { stopsIn } from '../../unlocks/guard/stop-store.ts'
import { stopDetail } from '../../unlocks/guard/words.ts'
import { type LogFile, openLog } from '../../unlocks/verify/log-file.ts'
import { targetHealth } from '../../outbox/targets/health.ts'
import { logReads } from '../../unlocks/log/store.ts'
import { ProofError } from '../../unlocks/tlog/proof-format.ts'
import type { Verdict } from '../../unlocks/verify/verify-log.ts'
import { type Command, type Options, type Terminal, ownCommand } from '../command/command.ts'
import { besideTerm, withTimes } from '../command/table.ts'
import { inspected, openHere } from './database-checks.ts'
import { folderFindings, secretFileFindings } from './file-checks.ts'
import {
  type RunningService,
  commandConfig,
  missingAddress,
  serviceOf,
} from '../command/running-service.ts'
import { serviceFindings, staleSettings } from './service-findings.ts'

const OPTIONS = {
  json: { type: 'boolean', default: false, summary: 'print the findings as JSON' },
} as const satisfies Options

/** Checks the whole installation: one line per check, with what to do about each problem. */
export const doctor: Command = {
  summary: 'check this installation, and explain how to fix each problem',
  details:
    'Checks settings, files, database, unlock log, disk, clock, certificate, backups and more. It changes nothing, and works whether the service runs, is stopped or cannot start. It reads the whole database, which takes a while if that is large.',
  options: OPTIONS,
  exitStatus: { 0: 'no fault; there may be warnings', 1: 'at least one fault' },
  run: async (args, terminal) => {
    const { values } = parseArgs({ args: [...args], options: OPTIONS })
    const findings = await examine(terminal)
    terminal.showProgress('')
    if (values.json) terminal.print(JSON.stringify({ findings }, null, 2))
    else for (const line of report(findings, terminal)) terminal.printStyled(line)
    return findings.some(({ state }) => state === 'fault') ? 1 : 0
  },
}

const examine = async (terminal: Terminal): Promise<readonly Finding[]> => {
  const own = settingsOf(terminal.env)
  if (own instanceof ConfigError) return settingFaults(own)
  const running = serviceOf(own.dataDir)
  const config = running?.settings ? parseConfig(settingsOver(terminal.env, running.settings)) : own
  const missing = missingAddress(config, running)
  if (missing) return [{ check: 'settings', state: 'fault', ...missing }]
  const folder = folderFindings(config, ownCommand(terminal, 'doctor'))
  const findings: Finding[] = [givenFinding(terminal.env, running), ...folder.findings]
  for (const { name, path } of secretFiles(terminal.env))
    findings.push(...secretFileFindings(name, path))
  findings.push(...(await serviceFindings(commandConfig(terminal))))
  if (running) findings.push(...staleSettings(terminal.env, running))
  if (!folder.isUsable) return findings
  // Without its key, nothing can be said about the log, and that it is missing has been said.
  const hasLogKey = existsSync(join(config.dataDir, KEY_FILES.log))
  terminal.showProgress('Reading the whole database')
  const database = await inspected(config)
  try {
    findings.push(...database.findings)
    // The stores know only the newest schema.
    const isReadable = database.findings.every(({ state }) => state === 'ok')
    return isReadable && hasLogKey
      ? [...findings, ...(await dataFindings(config, terminal))]
      : findings
  } finally {
    database.close()
  }
}

const settingsOf = (env: Terminal['env']): Config | ConfigError => {
  try {
    return parseConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
}

const settingFaults = ({ message }: ConfigError): readonly Finding[] =>
  message
    .split('\n')
    .slice(1)
    .map((line) => ({
      check: 'settings',
      state: 'fault',
      says: line.trim(),
      fix: 'the service does not start with this setting: see secure-lock-server help settings',
    }))

const givenFinding = (env: Terminal['env'], running: RunningService | undefined): Finding => {
  const given = givenSettings(env).filter(({ value, defaultText }) => value !== defaultText)
  const names = given.map(({ name }) => name).join(', ')
  const ofService = running?.settings ? '; the rest as the running service has them' : ''
  return {
    check: 'settings',
    state: 'ok',
    says: (names ? `valid; set: ${names}` : 'none set') + ofService,
  }
}

/** The checks of the service itself, on an intact database. */
const dataFindings = async (config: Config, terminal: Terminal): Promise<readonly Finding[]> => {
  const db = withoutWriting(await openHere(config))
  // Read before the log, which may grow meanwhile.
  const signed = signedHeadFile(config.dataDir).peek()
  try {
    const move = await moveIn(db)
    if (move) return [{ check: 'database', state: 'fault', ...leftParts(move) }]
    const log = await openLog(config.dataDir, () => openHere(config))
    try {
      const audit = auditStore(db)
      const clock = clockFrom()
      const certificate = certificateOf(config)
      const findings = await serviceDoctor({
        config,
        serverFacts: async () => config.postgres && serverFacts(db, config.postgres.schema),
        clock,
        registration: () => registrationOf(settingsIn(db), config),
        hasOwner: () => hasOwner(db),
        newestEventMs: logReads(db).newestCertainMs,
        logCheck: () => verified(log, terminal),
        logStop: async () =>
          (await stopOf(log, signed)) ?? (config.postgres && sharedStop(db, log)),
        certificateEndMs: () => certificate.endMs,
        backupState: backupService({
          settings: config,
          keyId: log.key.id,
          createBackup: undefined,
          logStop: () => undefined,
          record: async () => {},
          newestEvent: audit.newest,
          onFailure: () => {},
          clock,
        }).state,
        startedMs: () => startedMs(audit),
        forwarders: audit.addressesOf('proxy.untrusted'),
        silentProxies: audit.addressesOf('proxy.silent'),
        refusedScrapers: audit.addressesOf('metrics.deny', 'metrics.allow'),
        accountsEnding: accountsEnding(db),
        lastingTokens: lastingTokens(db),
        targetHealth: targetHealth(db, clock),
        zone: () => homeZone(config),
        broker: () => brokerCheck(config, db),
        guesses: guessedPasswords(db),
        // Only the running server hears them.
        drivenLocks: async () => [],
        suspendedGrants: () => suspensionsIn(db).count(clock.wallMs()),
        controllers: controllerChecks({
          db,
          keys: doorKeyReader({ db, dataDir: config.dataDir }),
          nowMs: clock.wallMs,
        }),
        acceptances: (atMs) => acceptancesAt(db, atMs),
      })({ seesOwners: true })
      return [
        ...findings,
        ...(certificate.fault ? [certificate.fault] : []),
        ...(signed === 'damaged' ? [damagedHead(config)] : []),
      ]
    } finally {
      log.close()
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return [logFinding({ ok: false, seq: undefined, fault: error.message })]
  } finally {
    await db.close()
  }
}

/** Connects to the broker, with and without a password. */
const brokerCheck = async (
  { mqttUrl: address, mqttCaFile: caFile }: Config,
  db: Parameters<typeof operatorsIn>[0],
) => {
  if (address === undefined) return undefined
  const { brokerFacts } = await import('../../mqtt/visit.ts')
  return { ...(await brokerFacts({ address, caFile })), operated: await operatorsIn(db).labels() }
}

type Signed = ReturnType<ReturnType<typeof signedHeadFile>['peek']>

/** Returns why the log is stopped, if so. A broken log is another finding. */
const stopOf = async (log: LogFile, kept: Signed): Promise<string | undefined> => {
  if (kept === undefined || kept === 'damaged' || kept.origin !== log.key.name) return undefined
  try {
    const found = await log.findBreak(kept)
    return found && stopDetail({ ...found, kept })
  } catch (error) {
    if (error instanceof AppError || error instanceof ProofError) return undefined
    throw error
  }
}

/** Returns why replicas have stopped the log, if so. */
const sharedStop = async (
  db: Parameters<typeof stopsIn>[0],
  { key }: LogFile,
): Promise<string | undefined> => {
  const stops = await stopsIn(db, key.name)
  return stops && stopDetail(stops.breaks[0])
}

const damagedHead = ({ dataDir }: Config): Finding => ({
  check: 'unlock log',
  state: 'warning',
  says: `the file that shows whether an older database was put back is damaged (${join(dataDir, SIGNED_HEAD_FILE)})`,
  fix: 'compare the log with a checkpoint you kept: secure-lock-server log verify --checkpoint FILE; the next start replaces the file',
})

const verified = ({ head, verify }: LogFile, { showProgress }: Terminal): Promise<Verdict> =>
  verify({
    afterPage: (checked) => showProgress(`Verifying the unlock log: ${checked} of ${head.size}`),
  })

/** When the certificate expires, or why that is unknown. */
const certificateOf = ({
  tlsCertFile,
}: Config): { readonly endMs?: number; readonly fault?: Finding } => {
  if (tlsCertFile === undefined) return {}
  try {
    return { endMs: certificateFacts(readFileSync(tlsCertFile, 'utf8')).notAfterMs }
  } catch (error) {
    const says = `TLS_CERT_FILE ${tlsCertFile}: ${fileFault(error)}`
    const fix = 'name a certificate in PEM, or create one: secure-lock-server tls init'
    return { fault: { check: 'https', state: 'fault', says, fix } }
  }
}

const COLOURS = { ok: 'green', warning: 'yellow', fault: 'red' } as const

const report = (findings: readonly Finding[], terminal: Terminal): readonly string[] => {
  const { hasColours } = terminal
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.flatMap(({ check, state, says, fix, accepted }) => {
    const word = (accepted ? 'known' : state).padEnd(7)
    const colour = COLOURS[accepted ? 'ok' : state]
    const shown = hasColours ? styleText(colour, word, { validateStream: false }) : word
    const advice = accepted ? acceptance(accepted) : fix
    const text = (words: string) => onOneLine(withTimes(words, terminal))
    return [
      besideTerm(`${shown}  ${check.padEnd(width)}  `, text(says), terminal),
      ...(advice === undefined
        ? []
        : [besideTerm(`${' '.repeat(width + 11)}→ `, text(advice), terminal)]),
    ]
  })
  return [...lines, '', verdict(findings)]
}

const acceptance = ({ until, reason, by }: NonNullable<Finding['accepted']>): string =>
  `Accepted until ${until}${by === null ? '' : ` by ${by}`}, because: ${reason}`

/** Findings quote file names and text from others. */
const onOneLine = (text: string): string => shownText(text.replaceAll('\n', ' '))

const verdict = (findings: readonly Finding[]): string => {
  const count = (wanted: Finding['state'], noun: string): string[] => {
    const found = findings.filter(({ state, accepted }) => state === wanted && !accepted).length
    return found === 0 ? [] : [`${found} ${noun}${found === 1 ? '' : 's'}`]
  }
  const counts = [...count('fault', 'fault'), ...count('warning', 'warning')]
  const found = counts.length === 0 ? 'No problems found' : counts.join(', ')
  const accepted = findings.filter((finding) => finding.accepted).length
  if (accepted > 0) return `${found}, ${accepted} accepted`
  return counts.length === 0 ? `${found}.` : found
}
