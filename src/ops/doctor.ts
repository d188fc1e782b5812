import { statSync, statfsSync } from 'node:fs'
import type { Config } from '../config.ts'
import { isLoopback } from '../http/client-address.ts'
import {
  type Finding,
  clockFinding,
  diskFinding,
  logFinding,
  ownerFinding,
  proxyFinding,
  registrationFinding,
  tlsFinding,
  walFinding,
} from './finding.ts'
import { isClockSynchronised } from './kernel-clock.ts'

/** What the checks ask, of the running service or of its files. */
type Facts = {
  readonly config: Pick<Config, 'databaseUri' | 'dataDir' | 'host' | 'registration'>
  readonly now: () => number
  readonly hasOwner: () => Promise<boolean>
  /** When the newest event was received whose time was not doubted; 0 without one. */
  readonly newestEventMs: () => Promise<number>
  readonly logCheck: () => Promise<Parameters<typeof logFinding>[0]>
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
    walFinding(statSync(`${config.databaseUri}-wal`, { throwIfNoEntry: false })?.size ?? 0),
    clockFinding({
      nowMs,
      newestMs: await facts.newestEventMs(),
      isSynchronised: isClockSynchronised(),
    }),
    logFinding(await facts.logCheck()),
    ownerFinding(await facts.hasOwner()),
    registrationFinding(config.registration),
    tlsFinding({ nowMs, expiresAtMs: undefined, isLoopback: isLoopback(config.host) }),
    proxyFinding(await facts.forwarders(nowMs - FORWARDED_MS)),
  ]
}
