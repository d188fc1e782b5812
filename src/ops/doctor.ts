import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import type { Clock } from '../domain/clock.ts'
import { DAY_MS } from '../domain/duration.ts'
import { lastDayOfWeek } from '../domain/calendar/last-day.ts'
import { AppError } from '../errors.ts'
import { isLoopback } from '../http/request/client-address.ts'
import { fileBytes } from '../storage/database-size.ts'
import { diskReserves, readDisk } from '../storage/disk-space.ts'
import type { ServerFacts } from '../storage/postgres/diagnostics.ts'
import { TLS_FILES } from '../storage/files/data-dir.ts'
import type { Backups } from './backups/backups.ts'
import { type ControllerChecks, controllerFindings } from './findings/controller-findings.ts'
import { type DrivenLock, driverFindings } from './findings/driver-findings.ts'
import {
  type Finding,
  backupFinding,
  clockFinding,
  diskFinding,
  idAbout,
  logFinding,
  logStopFindings,
  ownerFinding,
  registrationFinding,
  tlsFinding,
  walFinding,
} from './finding.ts'
import type { Acceptance } from './acceptance-store.ts'
import { asksTimeServer, isClockSynchronised } from './kernel-clock.ts'
import { type BrokerCheck, brokerFindings } from './findings/broker.ts'
import { type Guesses, guessFindings, metricsFindings, proxyFindings } from './stranger-findings.ts'
import { serverFindings } from './findings/server.ts'
import { suspendedFindings } from './findings/suspended.ts'
import { type TargetHealth, targetFindings } from './findings/targets.ts'

/** What the checks need to know, from the running server or from its files. */
type Facts = {
  readonly config: Pick<
    Config,
    'dataDir' | 'databasePath' | 'diskReserveBytes' | 'host' | 'backupDir' | 'backupEveryMs'
  >
  /** Undefined if the data is in a file. */
  readonly serverFacts: () => Promise<ServerFacts | undefined>
  readonly clock: Pick<Clock, 'wallMs'>
  readonly registration: () => Promise<Parameters<typeof registrationFinding>[0]>
  readonly hasOwner: () => Promise<boolean>
  /** When the newest unlock with a trusted time was received, or 0 without one. */
  readonly newestEventMs: () => Promise<number>
  readonly logCheck: () => Promise<Parameters<typeof logFinding>[0]>
  /** If the log is stopped, why, in a sentence for admins. */
  readonly logStop: () => Promise<string | undefined>
  /** When the certificate in use expires, or undefined without one. */
  readonly certificateEndMs: () => number | undefined
  readonly backupState: Backups['state']
  /** When the service last started, or 0. */
  readonly startedMs: () => Promise<number>
  /** Addresses that no setting trusts but that have forwarded requests since a time. */
  readonly forwarders: (sinceMs: number) => Promise<readonly string[]>
  /** Addresses of proxies that forward requests without saying for whom. */
  readonly silentProxies: (sinceMs: number) => Promise<readonly string[]>
  /** Addresses that asked for metrics without a valid token. */
  readonly refusedScrapers: (sinceMs: number) => Promise<readonly string[]>
  /** The accounts that end within a period. */
  readonly accountsEnding: (fromMs: number, toMs: number) => Promise<readonly Ending[]>
  /** The health of the targets of the home. */
  readonly targetHealth: () => Promise<readonly TargetHealth[]>
  /** Access tokens that never expire. */
  readonly lastingTokens: () => Promise<readonly LastingToken[]>
  /** The time zone of the home, for dates in messages. */
  readonly zone: () => string
  /** Undefined without a broker. */
  readonly broker: () => Promise<BrokerCheck | undefined>
  readonly guesses: (sinceMs: number) => Promise<readonly Guesses[]>
  /** The locks with a driver. */
  readonly drivenLocks: () => Promise<readonly DrivenLock[]>
  /** How many grants wait for an owner to confirm them after a restore. */
  readonly suspendedGrants: () => Promise<number>
  readonly controllers: () => Promise<ControllerChecks>
  /** What owners accept at a time, by the id of the warning. */
  readonly acceptances: (atMs: number) => Promise<ReadonlyMap<string, Acceptance>>
}

type LastingToken = { readonly id: string; readonly name: string; readonly username: string }

type Ending = { readonly publicId: string; readonly username: string; readonly endsAtMs: number }

export type Doctor = ReturnType<typeof doctor>

/** Who asks. */
type Viewer = {
  /** Whether the caller may see from where somebody tried an owner's name. */
  readonly seesOwners: boolean
}

/** How long a forwarded request, a refused scrape or a guess counts at most. */
const RECENT_MS = 7 * DAY_MS

/** Returns the checks of this installation: one finding for each thing an owner should know. */
export const doctor =
  (facts: Facts) =>
  async (viewer: Viewer): Promise<readonly Finding[]> => {
    const accepted = await facts.acceptances(facts.clock.wallMs())
    const findings = await examined(facts, viewer)
    return findings.map((finding) => withAcceptance(finding, accepted.get(finding.id ?? '')))
  }

/** How long in advance the end of an account is announced. */
const TOLD_BEFORE_MS = 7 * DAY_MS

const withAcceptance = (finding: Finding, acceptance: Acceptance | undefined): Finding => {
  if (!acceptance) return finding
  const { untilMs, reason, by = null } = acceptance
  return { ...finding, accepted: { until: new Date(untilMs).toISOString(), reason, by } }
}

const examined = async (facts: Facts, { seesOwners }: Viewer): Promise<readonly Finding[]> => {
  const { config, clock } = facts
  const nowMs = clock.wallMs()
  const recentMs = nowMs - RECENT_MS
  // What was mended took a restart, and what was not is recorded again.
  const sinceMs = Math.max(recentMs, await facts.startedMs())
  const { freeBytes, totalBytes } = readDisk(config.dataDir)
  return [
    diskFinding(freeBytes, diskReserves(config.diskReserveBytes, totalBytes)),
    ...(await databaseFindings(facts)),
    clockFinding({
      nowMs,
      newestMs: await facts.newestEventMs(),
      isSynchronised: isClockSynchronised(),
      asksTimeServer: asksTimeServer(),
    }),
    logFinding(await facts.logCheck()),
    ...logStopFindings(await facts.logStop()),
    ownerFinding(await facts.hasOwner()),
    registrationFinding(await facts.registration()),
    tlsFinding({
      nowMs,
      expiresAtMs: facts.certificateEndMs(),
      isLoopback: isLoopback(config.host),
      unused: ownCertificate(config),
    }),
    await backup(facts, nowMs),
    ...brokerFindings(await facts.broker()),
    ...driverFindings(await facts.drivenLocks(), nowMs),
    ...suspendedFindings(await facts.suspendedGrants()),
    ...controllerFindings(await facts.controllers()),
    ...endingFindings(await facts.accountsEnding(nowMs, nowMs + TOLD_BEFORE_MS), facts.zone),
    ...targetFindings(await facts.targetHealth(), nowMs),
    ...lastingTokenFindings(await facts.lastingTokens()),
    ...guessFindings(await facts.guesses(recentMs), seesOwners),
    ...proxyFindings({
      forwarders: await facts.forwarders(sinceMs),
      silent: await facts.silentProxies(sinceMs),
    }),
    ...metricsFindings(await facts.refusedScrapers(sinceMs)),
  ]
}

/** Reports whose access ends soon, so that nobody is surprised. */
const endingFindings = (ending: readonly Ending[], zone: Facts['zone']): readonly Finding[] =>
  ending.length === 0
    ? [{ check: 'end dates', state: 'ok', says: 'Nobody’s access ends in the next 7 days' }]
    : ending.map(({ publicId, username, endsAtMs }) => ({
        check: 'end dates',
        state: 'warning',
        says: `${username}’s access ends on ${lastDayOfWeek(endsAtMs, zone())}`,
        fix: `If ${username} stays longer, change the end date`,
        page: `/console/people/${publicId}`,
        id: idAbout('access-ends', publicId, String(endsAtMs)),
      }))

/** Reports access tokens that never expire. */
const lastingTokenFindings = (tokens: readonly LastingToken[]): readonly Finding[] =>
  tokens.length === 0
    ? [{ check: 'access tokens', state: 'ok', says: 'Every access token expires' }]
    : tokens.map(({ id, name, username }) => ({
        check: 'access tokens',
        state: 'warning',
        says: `${username}’s access token ${name} never expires`,
        fix: `Create one that expires in its place, then revoke it: secure-lock-server token revoke ${id}`,
        page: '/manual/access-tokens',
        id: idAbout('token-never-expires', id),
      }))

/** Returns when the service last started, or 0. */
export const startedMs = async (audit: {
  readonly newestOf: (action: string) => Promise<{ readonly atMs: number } | undefined>
}): Promise<number> => (await audit.newestOf('service.start'))?.atMs ?? 0

/** Checks the server that the data is on, or the write-ahead log of the file. */
const databaseFindings = async ({ config, serverFacts }: Facts): Promise<readonly Finding[]> => {
  const server = await serverFacts()
  return server ? serverFindings(server) : [walFinding(fileBytes(`${config.databasePath}-wal`))]
}

/** The files that `tls init` created in the data folder, which may not be in use yet. */
const ownCertificate = ({ dataDir }: Facts['config']) => {
  const [cert, key] = [join(dataDir, TLS_FILES.cert), join(dataDir, TLS_FILES.key)]
  return existsSync(cert) && existsSync(key) ? { cert, key } : undefined
}

const backup = async ({ config, backupState }: Facts, nowMs: number): Promise<Finding> => {
  try {
    const { newest, everyMs, byHandMs, failure } = await backupState()
    return backupFinding({
      nowMs,
      newestMs: newest?.createdAtMs,
      byHandMs,
      everyMs,
      failure,
    })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const failure = { atMs: nowMs, reason: error.message }
    const everyMs = config.backupDir === undefined ? undefined : config.backupEveryMs
    return backupFinding({ nowMs, newestMs: undefined, everyMs, failure })
  }
}
