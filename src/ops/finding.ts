import { EARLIEST_WALL_MS } from '../domain/clock.ts'
import { DAY_MS, MINUTE_MS } from '../domain/duration.ts'
import type { DiskReserves } from '../storage/disk-space.ts'

/** The result of one check of this installation. */
export type Finding = {
  /** What was checked, one word or two. */
  readonly check: string
  /** A `warning` is something an owner should know and may have chosen; a `fault` keeps the server from
   * doing its job. */
  readonly state: 'ok' | 'warning' | 'fault'
  readonly says: string
  /** What to do about it; absent if `ok`. */
  readonly fix?: string
}

/** A clock up to this far behind the newest unlock is only slow, and has not jumped. */
const BEHIND_MS_MAX = MINUTE_MS

type Clock = {
  readonly nowMs: number
  /** When the newest unlock with a trusted time was received, or 0 without one. */
  readonly newestMs: number
  /** Whether the system follows a time server, or undefined if it does not say. */
  readonly isSynchronised: boolean | undefined
  /** Whether a program on this machine asks a time server. */
  readonly asksTimeServer: boolean
}

/** Checks the time of day: it dates unlocks, and one-time codes depend on it. */
export const clockFinding = ({
  nowMs,
  newestMs,
  isSynchronised,
  asksTimeServer,
}: Clock): Finding => {
  const check = 'clock'
  const says = new Date(nowMs).toISOString()
  const fix =
    asksTimeServer && isSynchronised === false
      ? 'this machine asks a time server, and has no answer yet: check its network and the server (timedatectl timesync-status, or chronyc sources); without any, set the time with date -s'
      : 'run timedatectl set-ntp true, or without a time server set the time with date -s'
  if (nowMs < EARLIEST_WALL_MS)
    return { check, state: 'fault', says: `${says} is earlier than this program`, fix }
  if (nowMs < newestMs - BEHIND_MS_MAX) {
    const newest = new Date(newestMs).toISOString()
    return {
      check,
      state: 'fault',
      says: `${says} is earlier than the newest unlock (${newest})`,
      fix,
    }
  }
  if (isSynchronised === false)
    return { check, state: 'warning', says: `${says}, not synchronised with a time server`, fix }
  const kept = isSynchronised ? ', synchronised with a time server' : ''
  return { check, state: 'ok', says: `${says}${kept}` }
}

const MIB = 1024 ** 2

/** Below this an update or a burst of unlocks may fill the disk. */
const FREE_BYTES_FEW = 500 * MIB

/** Checks the free space on the disk with the data against what is kept for members, and for owners. */
export const diskFinding = (freeBytes: number, { reserve, last }: DiskReserves): Finding => {
  const check = 'disk'
  const free = `${Math.floor(freeBytes / MIB).toLocaleString('en')} MiB free`
  const fix =
    'free some space: old backups, logs and packages first; erase accounts that flood the log'
  if (freeBytes < last)
    return { check, state: 'fault', says: `${free}: only owners and admins can write`, fix }
  if (freeBytes < reserve)
    return {
      check,
      state: 'fault',
      says: `${free}: newcomers and batches of unlocks are refused (DISK_RESERVE)`,
      fix,
    }
  return freeBytes < Math.max(FREE_BYTES_FEW, 2 * reserve)
    ? { check, state: 'warning', says: free, fix }
    : { check, state: 'ok', says: free }
}

/** A WAL of this size has had no checkpoint for thousands of changes. */
const WAL_BYTES_MANY = 64 * MIB

/** Checks the write-ahead log, which grows while another program reads the database. */
export const walFinding = (bytes: number): Finding =>
  bytes < WAL_BYTES_MANY
    ? { check: 'write-ahead log', state: 'ok', says: `${Math.ceil(bytes / MIB)} MiB` }
    : {
        check: 'write-ahead log',
        state: 'warning',
        says: `has grown to ${Math.ceil(bytes / MIB).toLocaleString('en')} MiB, and fills the disk`,
        fix: 'stop the program that has been reading the database for so long; find it with: fuser -v secure-lock.db',
      }

export const ownerFinding = (hasOwner: boolean): Finding =>
  hasOwner
    ? { check: 'owner', state: 'ok', says: 'exists' }
    : {
        check: 'owner',
        state: 'warning',
        says: 'there is none yet',
        fix: 'use the setup code that the next start prints, or: secure-lock-server user add --role owner NAME',
      }

export const registrationFinding = (mode: 'open' | 'invite' | 'closed'): Finding =>
  mode === 'open'
    ? {
        check: 'registration',
        state: 'warning',
        says: 'open: anyone who reaches this port may register and record unlocks',
        fix: 'choose another mode in the console, or set REGISTRATION=invite (or closed, once everyone has registered)',
      }
    : { check: 'registration', state: 'ok', says: mode }

/** A certificate that is not renewed by then is about to lock phones out. */
const EXPIRES_SOON_MS = 30 * DAY_MS

type Tls = {
  readonly nowMs: number
  /** When the certificate in use expires, or undefined without one. */
  readonly expiresAtMs: number | undefined
  /** Whether only this machine reaches the server. */
  readonly isLoopback: boolean
}

export const tlsFinding = ({ nowMs, expiresAtMs, isLoopback }: Tls): Finding => {
  const check = 'https'
  if (expiresAtMs === undefined)
    return isLoopback
      ? { check, state: 'ok', says: 'not needed on loopback' }
      : {
          check,
          state: 'warning',
          says: 'off: anyone on the network can read passwords and tokens',
          fix: 'run secure-lock-server tls init, and set TLS_CERT_FILE and TLS_KEY_FILE',
        }
  const date = new Date(expiresAtMs).toISOString().slice(0, 10)
  const fix =
    'renew it (with a private CA: secure-lock-server tls init), then reload the service (SIGHUP)'
  if (expiresAtMs <= nowMs)
    return { check, state: 'fault', says: `the certificate expired on ${date}`, fix }
  if (expiresAtMs - nowMs < EXPIRES_SOON_MS)
    return { check, state: 'warning', says: `the certificate expires on ${date}`, fix }
  return { check, state: 'ok', says: `the certificate is valid until ${date}` }
}

type Backups = {
  readonly nowMs: number
  /** When the newest verified backup was created, or undefined if none is known. */
  readonly newestMs: number | undefined
  /** The time between two scheduled backups, or undefined if there is no schedule. */
  readonly everyMs: number | undefined
  /** Why the latest attempt failed, if it did. */
  readonly failure?: string | undefined
}

/** Checks how much would be lost with the disk. */
export const backupFinding = ({ nowMs, newestMs, everyMs, failure }: Backups): Finding => {
  const check = 'backup'
  const fix = 'check that BACKUP_DIR is writable, then: secure-lock-server backup FILE'
  if (failure !== undefined)
    return { check, state: 'fault', says: `the last one failed: ${failure}`, fix }
  if (everyMs === undefined && newestMs === undefined)
    return {
      check,
      state: 'warning',
      says: 'none: if the disk fails, all accounts and the log are lost',
      fix: 'set BACKUP_DIR to a folder on another disk, or run secure-lock-server backup FILE',
    }
  const says =
    newestMs === undefined ? 'none yet' : `newest from ${new Date(newestMs).toISOString()}`
  const isLate = everyMs !== undefined && nowMs - (newestMs ?? 0) > 2 * everyMs
  if (isLate) return { check, state: newestMs === undefined ? 'warning' : 'fault', says, fix }
  return { check, state: 'ok', says }
}

type Proxies = {
  /** Addresses that forward requests and are not trusted. */
  readonly forwarders: readonly string[]
  /** Addresses that forward requests without saying for whom. */
  readonly silent: readonly string[]
}

/** Checks whether requests come through a proxy that no setting names, or that does not say for whom it
 * asks: limits and lockouts then treat all its clients as one. */
export const proxyFinding = ({ forwarders, silent }: Proxies): Finding => {
  const check = 'proxy'
  if (silent.length > 0)
    return {
      check,
      state: 'warning',
      says: `requests from ${silent.join(', ')} came through a proxy that does not say for whom`,
      fix: 'if your proxy runs there, let it set X-Forwarded-For and name it in TRUSTED_PROXIES: see secure-lock-server help proxy; if not, change nothing',
    }
  return forwarders.length === 0
    ? { check, state: 'ok', says: 'no forwarded requests from untrusted proxies' }
    : {
        check,
        state: 'warning',
        says: `forwarded requests came from ${forwarders.join(', ')}, not in TRUSTED_PROXIES`,
        fix: 'if that is your proxy, add it to TRUSTED_PROXIES; if not, someone pretends to be one',
      }
}

/** Checks whether a Prometheus lacks the token. */
export const metricsFinding = (refused: readonly string[]): Finding =>
  refused.length === 0
    ? { check: 'metrics', state: 'ok', says: 'no scrape without a valid token' }
    : {
        check: 'metrics',
        state: 'warning',
        says: `/metrics was refused to ${refused.join(', ')}, without a valid token`,
        fix: 'if that is your Prometheus, give it the token: see secure-lock-server help metrics',
      }

type LogCheck =
  | { readonly ok: true; readonly size: number }
  | { readonly ok: false; readonly seq: number | undefined; readonly fault: string }

/** Reports the last verification of the unlock log, if one has ended. */
export const logFinding = (verification: LogCheck | undefined): Finding => {
  const check = 'unlock log'
  if (!verification) return { check, state: 'ok', says: 'the first verification has not ended yet' }
  if (verification.ok)
    return {
      check,
      state: 'ok',
      says: `intact: ${verification.size === 1 ? '1 unlock' : `${verification.size.toLocaleString('en')} unlocks`}`,
    }
  const where = verification.seq === undefined ? '' : ` (event ${verification.seq})`
  return {
    check,
    state: 'fault',
    says: `${verification.fault}${where}`,
    fix: 'copy the whole data folder before you change anything in it; then compare the log with a checkpoint you kept: secure-lock-server log verify --checkpoint FILE',
  }
}
