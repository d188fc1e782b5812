import { statSync, statfsSync } from 'node:fs'
import type { Config } from '../config.ts'
import { AppError } from '../errors.ts'
import { isLoopback } from '../http/request/client-address.ts'
import {
  type Finding,
  backupFinding,
  clockFinding,
  diskFinding,
  logFinding,
  ownerFinding,
  proxyFinding,
  registrationFinding,
  tlsFinding,
  walFinding,
} from './finding.ts'
import type { Backups } from './backups.ts'
import { isClockSynchronised } from './kernel-clock.ts'

/** What the checks ask, of the running service or of its files. */
type Facts = {
  readonly config: Pick<
    Config,
    'dataDir' | 'databasePath' | 'host' | 'backupDir' | 'backupEveryHours'
  >
  readonly now: () => number
  readonly registration: () => Promise<Parameters<typeof registrationFinding>[0]>
  readonly hasOwner: () => Promise<boolean>
  /** When the newest event was received whose time was not doubted; 0 without one. */
  readonly newestEventMs: () => Promise<number>
  readonly logCheck: () => Promise<Parameters<typeof logFinding>[0]>
  /** When the certificate in use is over; nothing without one. */
  readonly certificateEndMs: () => number | undefined
  readonly backupState: Backups['state']
  /** Addresses from which forwarded requests came since then, that no setting trusts. */
  readonly forwarders: (sinceMs: number) => Promise<readonly string[]>
}

export type Doctor = ReturnType<typeof doctor>

/** So long ago a forwarded request still counts. */
const FORWARDED_MS = 7 * 86_400_000

/** Looks at what an owner should know of this installation; gives a finding for each thing. */
export const doctor = (facts: Facts) => async (): Promise<readonly Finding[]> => {
  const { config, now } = facts
  const nowMs = now()
  const { bavail, bsize } = statfsSync(config.dataDir)
  return [
    diskFinding(bavail * bsize),
    walFinding(statSync(`${config.databasePath}-wal`, { throwIfNoEntry: false })?.size ?? 0),
    clockFinding({
      nowMs,
      newestMs: await facts.newestEventMs(),
      isSynchronised: isClockSynchronised(),
    }),
    logFinding(await facts.logCheck()),
    ownerFinding(await facts.hasOwner()),
    registrationFinding(await facts.registration()),
    tlsFinding({
      nowMs,
      expiresAtMs: facts.certificateEndMs(),
      isLoopback: isLoopback(config.host),
    }),
    await backup(facts, nowMs),
    proxyFinding(await facts.forwarders(nowMs - FORWARDED_MS)),
  ]
}

const HOUR_MS = 3_600_000

const backup = async ({ config, backupState }: Facts, nowMs: number): Promise<Finding> => {
  const everyMs = config.backupDir ? config.backupEveryHours * HOUR_MS : undefined
  try {
    const { newest, failure } = await backupState()
    return backupFinding({ nowMs, newestMs: newest?.madeAtMs, everyMs, failure: failure?.reason })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return backupFinding({ nowMs, newestMs: undefined, everyMs, failure: error.message })
  }
}
