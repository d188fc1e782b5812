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
  /** A sentence without its full stop, for anybody in the home. */
  readonly says: string
  /** What to do about it; absent if `ok`. */
  readonly fix?: string
  /** The page of this server where that is done, or described. */
  readonly page?: string
  /** Names exactly this warning: an owner accepts it by that. One about somebody or something else has
   * another. */
  readonly id?: string
  /** Why an owner leaves it as it is, and until when. */
  readonly accepted?: {
    /** RFC 3339. */
    readonly until: string
    readonly reason: string
    /** The owner's current name; null once erased. */
    readonly by: string | null
  }
}

/** Returns the id of a warning about an address or a person. */
export const idAbout = (kind: string, ...about: readonly string[]): string =>
  `${kind}-${new Bun.CryptoHasher('sha256').update(JSON.stringify(about)).digest('hex').slice(0, 16)}`

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
export const clockFinding = (clock: Clock): Finding => {
  const { nowMs, newestMs, isSynchronised, asksTimeServer } = clock
  const now = new Date(nowMs).toISOString()
  const wrong = {
    check: 'clock',
    state: 'fault',
    fix:
      asksTimeServer && isSynchronised === false
        ? 'The time server has not answered yet: check the network and the server (timedatectl timesync-status, or chronyc sources); without a time server, set the time with date -s'
        : 'Run timedatectl set-ntp true on the gateway or, without a time server, set the time with date -s',
    page: '/manual/troubleshooting',
  } as const
  if (nowMs < EARLIEST_WALL_MS)
    return {
      ...wrong,
      says: `The gateway’s clock is wrong: it says ${now}, which is earlier than this program`,
    }
  if (nowMs < newestMs - BEHIND_MS_MAX)
    return {
      ...wrong,
      says: `The gateway’s clock is wrong: it says ${now}, which is earlier than the newest unlock (${new Date(newestMs).toISOString()})`,
    }
  if (isSynchronised === false)
    return {
      ...wrong,
      state: 'warning',
      says: 'The gateway’s clock is not synchronised with a time server: unlocks may get wrong times',
      id: 'clock-unsynchronised',
    }
  const kept = isSynchronised ? ', synchronised with a time server' : ''
  return { check: 'clock', state: 'ok', says: `The gateway’s clock says ${now}${kept}` }
}

const MIB = 1024 ** 2

const mebibytes = (bytes: number): string => `${Math.floor(bytes / MIB).toLocaleString('en')} MiB`

/** Below this an update or a burst of unlocks may fill the disk. */
const FREE_BYTES_FEW = 500 * MIB

/** Checks the free space on the disk with the data against what is kept for members, and for owners. */
export const diskFinding = (freeBytes: number, { reserve, last }: DiskReserves): Finding => {
  const free = `${mebibytes(freeBytes)} free`
  const full = {
    check: 'disk',
    state: 'fault',
    fix: 'Free some space on the gateway: old backups, logs and packages first; then erase accounts that flood the log',
    page: '/manual/troubleshooting#the-disk-is-nearly-full',
  } as const
  if (freeBytes < last)
    return { ...full, says: `The disk is full (${free}): only owners and admins can write` }
  if (freeBytes < reserve)
    return {
      ...full,
      says: `The disk is nearly full (${free}): newcomers and batches of unlocks are refused`,
    }
  return freeBytes < Math.max(FREE_BYTES_FEW, 2 * reserve)
    ? { ...full, state: 'warning', says: `The disk is filling up: ${free}`, id: 'disk-low' }
    : { check: 'disk', state: 'ok', says: `The disk has room: ${free}` }
}

/** A WAL of this size has had no checkpoint for thousands of changes. */
const WAL_BYTES_MANY = 64 * MIB

/** Checks the write-ahead log, which grows while another program reads the database. */
export const walFinding = (bytes: number): Finding => {
  const size = `${Math.ceil(bytes / MIB).toLocaleString('en')} MiB`
  return bytes < WAL_BYTES_MANY
    ? {
        check: 'write-ahead log',
        state: 'ok',
        says: `The database’s write-ahead log is short: ${size}`,
      }
    : {
        check: 'write-ahead log',
        state: 'warning',
        says: `Another program has been reading the database for a long time: its write-ahead log has grown to ${size}, and is filling the disk`,
        fix: 'Stop that program on the gateway; find it with: fuser -v secure-lock.db',
        page: '/manual/troubleshooting#when-something-fails',
        id: 'write-ahead-log-long',
      }
}

export const ownerFinding = (hasOwner: boolean): Finding =>
  hasOwner
    ? { check: 'owner', state: 'ok', says: 'There is an owner' }
    : {
        check: 'owner',
        state: 'warning',
        says: 'There is no owner yet, so nobody can change settings or roles',
        fix: 'Use the setup code that the next start prints, or: secure-lock-server user add --role owner NAME',
        page: '/manual/accounts#roles',
        id: 'owner-missing',
      }

export const registrationFinding = (mode: 'open' | 'invite' | 'closed'): Finding =>
  mode === 'open'
    ? {
        check: 'registration',
        state: 'warning',
        says: 'Registration is open: anyone on the network can ask for an account, and waits until you let them in',
        fix: 'Choose who may register under Security, or set REGISTRATION=invite (or closed, once everyone has registered)',
        page: '/console/security',
        id: 'registration-open',
      }
    : {
        check: 'registration',
        state: 'ok',
        says:
          mode === 'invite'
            ? 'Registration requires an invitation'
            : 'Registration is closed: accounts are created on the gateway only',
      }

/** A certificate that is not renewed by then is about to lock phones out. */
const EXPIRES_SOON_MS = 30 * DAY_MS

type Tls = {
  readonly nowMs: number
  /** The files that `tls init` created and no setting names, or undefined. */
  readonly unused?: { readonly cert: string; readonly key: string } | undefined
  /** When the certificate in use expires, or undefined without one. */
  readonly expiresAtMs: number | undefined
  /** Whether only this machine reaches the server. */
  readonly isLoopback: boolean
}

export const tlsFinding = ({ nowMs, unused, expiresAtMs, isLoopback }: Tls): Finding => {
  const check = 'https'
  if (expiresAtMs === undefined && isLoopback)
    return {
      check,
      state: 'ok',
      says: 'HTTPS is not needed on loopback: only this machine connects',
    }
  if (expiresAtMs === undefined)
    return {
      check,
      state: 'warning',
      ...(unused
        ? {
            says: 'HTTPS is off, although there is a certificate: anyone on your network can read passwords and tokens on their way',
            fix: `Set TLS_CERT_FILE=${unused.cert} and TLS_KEY_FILE=${unused.key}, then restart the service`,
          }
        : {
            says: 'HTTPS is off: anyone on your network can read passwords and tokens on their way',
            fix: 'Run secure-lock-server tls init, and set TLS_CERT_FILE and TLS_KEY_FILE',
          }),
      page: '/manual/https#turn-it-on',
      id: 'https-off',
    }
  const date = new Date(expiresAtMs).toISOString().slice(0, 10)
  const renewal = {
    check,
    state: 'fault',
    fix: 'Renew it (with a private CA: secure-lock-server tls init), then reload the service (SIGHUP)',
    page: '/manual/https#renew-the-certificate',
  } as const
  if (expiresAtMs <= nowMs)
    return {
      ...renewal,
      says: `The HTTPS certificate expired on ${date}: phones and browsers refuse to connect`,
    }
  if (expiresAtMs - nowMs < EXPIRES_SOON_MS)
    return {
      ...renewal,
      state: 'warning',
      says: `The HTTPS certificate expires on ${date}: from then on, phones and browsers refuse to connect`,
      id: `certificate-expires-${date}`,
    }
  return { check, state: 'ok', says: `HTTPS is on; the certificate is valid until ${date}` }
}

type Backups = {
  readonly nowMs: number
  /** When the newest verified backup in BACKUP_DIR was created, or undefined if none is known. */
  readonly newestMs: number | undefined
  /** When the newest backup by the `backup` command was created. */
  readonly byHandMs?: number | undefined
  /** The time between two scheduled backups, or undefined if there is no schedule. */
  readonly everyMs: number | undefined
  /** When and why the latest attempt failed, if it did. */
  readonly failure?: { readonly atMs: number; readonly reason: string } | undefined
}

/** How old the newest backup may get without a schedule. */
const BY_HAND_MS_MAX = 30 * DAY_MS

/** Checks how much would be lost with the disk. */
export const backupFinding = (backups: Backups): Finding => {
  const { nowMs, newestMs, byHandMs, everyMs, failure } = backups
  const check = 'backup'
  const page = everyMs === undefined ? '/manual/backups' : '/console/security'
  const isByHand = (byHandMs ?? 0) > (newestMs ?? 0)
  const lastMs = isByHand ? byHandMs : newestMs
  const newest =
    lastMs === undefined
      ? 'There is no backup yet'
      : `The newest backup is from ${new Date(lastMs).toISOString()}${isByHand ? ', made with the backup command' : ''}`
  if (failure !== undefined) {
    const fix =
      'Fix that; the service tries again within an hour, or at once under Security in the console'
    const says = `The last automatic backup failed: ${failure.reason}`
    return isByHand && (byHandMs ?? 0) > failure.atMs
      ? { check, state: 'warning', says: `${newest}. ${says}`, fix, page, id: 'backup-failing' }
      : {
          check,
          state: 'fault',
          says,
          fix: `${fix}. Until then, run secure-lock-server backup FILE`,
          page,
        }
  }
  const setUp = 'Set BACKUP_DIR to a folder on another disk, or run secure-lock-server backup FILE'
  if (everyMs === undefined && lastMs === undefined)
    return {
      check,
      state: 'warning',
      says: 'There is no backup: if the disk fails, all accounts and the log are lost',
      fix: setUp,
      page,
      id: 'backup-none',
    }
  const isLate = nowMs - (lastMs ?? 0) > (everyMs === undefined ? BY_HAND_MS_MAX : 2 * everyMs)
  if (!isLate) return { check, state: 'ok', says: newest }
  if (everyMs === undefined)
    return { check, state: 'warning', says: newest, fix: setUp, page, id: 'backup-old' }
  const fix =
    'Check that the service runs, and see its log; create a backup under Security, or run secure-lock-server backup FILE'
  return lastMs === undefined
    ? { check, state: 'warning', says: newest, fix, page, id: 'backup-first' }
    : { check, state: 'fault', says: `${newest}, which is too long ago`, fix, page }
}

type LogCheck =
  | {
      readonly ok: true
      readonly size: number
      /** How many unlocks were recorded since. */
      readonly since?: number
    }
  | { readonly ok: false; readonly seq: number | undefined; readonly fault: string }

/** Reports if the log does not continue what this gateway has signed. */
export const logStopFindings = (stop: string | undefined): readonly Finding[] =>
  stop === undefined
    ? []
    : [
        {
          check: 'unlock log',
          state: 'fault',
          says: `${stop}. Nothing is recorded until that is settled`,
          fix: 'Stop the service and put the right database back, or restore the newest backup. If there is none, accept the loss: secure-lock-server log accept-loss',
          page: '/manual/unlock-log#when-the-log-is-stopped',
        },
      ]

/** Reports the last verification of the unlock log, if one has ended. */
export const logFinding = (verification: LogCheck | undefined): Finding => {
  const check = 'unlock log'
  if (!verification)
    return { check, state: 'ok', says: 'The unlock log is being verified for the first time' }
  if (verification.ok)
    return {
      check,
      state: 'ok',
      says: `The unlock log is intact: ${verifiedWords(verification.size, verification.since ?? 0)}`,
    }
  return {
    check,
    state: 'fault',
    says: `The unlock log is broken: ${verification.fault}`,
    fix: 'Copy the whole data folder, and the database if it is on a server, before you change anything there; then compare the log with a checkpoint you kept: secure-lock-server log verify --checkpoint FILE',
    page: '/manual/unlock-log#verify-the-log',
  }
}

const verifiedWords = (size: number, since: number): string => {
  const entries = size === 1 ? '1 entry' : `${size.toLocaleString('en')} entries`
  return since === 0 ? entries : `${entries} verified, ${since.toLocaleString('en')} recorded since`
}
