/** What a check of this installation found. */
export type Finding = {
  /** What was looked at, one word or two. */
  readonly check: string
  /** `warning` is what an owner should know and may want; a `fault` keeps the service from doing
   * what it is for. */
  readonly state: 'ok' | 'warning' | 'fault'
  readonly says: string
  /** What to do about it; nothing where all is well. */
  readonly fix?: string
}

const DAY_MS = 86_400_000

/** No gateway runs this program before it was written: 2026-01-01. */
const EARLIEST_MS = Date.UTC(2026, 0, 1)

/** How far behind the newest event a clock is only late, and has not jumped. */
const BEHIND_MS_MAX = 60_000

type Clock = {
  readonly nowMs: number
  /** When the newest event was received whose time was not doubted; 0 without one. */
  readonly newestMs: number
  /** Whether the system follows a time server; nothing where it does not say. */
  readonly isSynchronised: boolean | undefined
}

/** Judges the clock of the day: it dates events, and codes of second factors follow it. */
export const clockFinding = ({ nowMs, newestMs, isSynchronised }: Clock): Finding => {
  const check = 'clock'
  const says = new Date(nowMs).toISOString()
  const fix = 'set it with: timedatectl set-ntp true (or date -s), and keep a time server in reach'
  if (nowMs < EARLIEST_MS)
    return { check, state: 'fault', says: `${says} is before this program was written`, fix }
  if (nowMs < newestMs - BEHIND_MS_MAX) {
    const newest = new Date(newestMs).toISOString()
    return { check, state: 'fault', says: `${says} is before the newest unlock (${newest})`, fix }
  }
  if (isSynchronised === false)
    return { check, state: 'warning', says: `${says}, and no time server keeps it right`, fix }
  const kept = isSynchronised ? ', kept by a time server' : ''
  return { check, state: 'ok', says: `${says}${kept}` }
}

const MIB = 1024 ** 2

/** Below this an update or a burst of unlocks may fill the disk. */
const FREE_BYTES_FEW = 500 * MIB

/** Below this writes are about to fail. */
const FREE_BYTES_MIN = 50 * MIB

/** Judges what is free on the disk that holds the data. */
export const diskFinding = (freeBytes: number): Finding => {
  const check = 'disk'
  const says = `${Math.floor(freeBytes / MIB).toLocaleString('en')} MiB free`
  const fix = 'make room: old backups, logs and packages first'
  if (freeBytes < FREE_BYTES_MIN) return { check, state: 'fault', says, fix }
  return freeBytes < FREE_BYTES_FEW
    ? { check, state: 'warning', says, fix }
    : { check, state: 'ok', says }
}

/** A WAL of this size was not folded into the database for thousands of changes. */
const WAL_BYTES_MANY = 64 * MIB

/** Judges the write-ahead log, which grows while another program reads the database. */
export const walFinding = (bytes: number): Finding =>
  bytes < WAL_BYTES_MANY
    ? { check: 'write-ahead log', state: 'ok', says: `${Math.ceil(bytes / MIB)} MiB` }
    : {
        check: 'write-ahead log',
        state: 'warning',
        says: `it has grown to ${Math.ceil(bytes / MIB).toLocaleString('en')} MiB, and takes the disk's room`,
        fix: 'end the program that reads the database for so long; see which with: fuser -v secure-lock.db',
      }

export const ownerFinding = (hasOwner: boolean): Finding =>
  hasOwner
    ? { check: 'owner', state: 'ok', says: 'there is one' }
    : {
        check: 'owner',
        state: 'warning',
        says: 'nobody is owner yet',
        fix: 'use the code that the next start prints, or: secure-lock-server user add --role owner NAME',
      }

export const registrationFinding = (mode: 'open' | 'invite' | 'closed'): Finding =>
  mode === 'open'
    ? {
        check: 'registration',
        state: 'warning',
        says: 'open: whoever reaches this port may register and record unlocks',
        fix: 'choose otherwise in the console, or set REGISTRATION=invite, or closed once all are in',
      }
    : { check: 'registration', state: 'ok', says: mode }

/** Certificates are renewed at the latest by then, or phones are about to be shut out. */
const EXPIRES_SOON_MS = 30 * DAY_MS

type Tls = {
  readonly nowMs: number
  /** When the certificate in use is over; nothing where there is none. */
  readonly expiresAtMs: number | undefined
  /** Only this machine reaches the service. */
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
          says: 'off: whoever shares the network can read passwords and tokens',
          fix: 'run secure-lock-server tls init, and set TLS_CERT_FILE and TLS_KEY_FILE',
        }
  const date = new Date(expiresAtMs).toISOString().slice(0, 10)
  const fix = 'renew it (secure-lock-server tls init for its own), then reload the service (SIGHUP)'
  if (expiresAtMs <= nowMs)
    return { check, state: 'fault', says: `the certificate expired on ${date}`, fix }
  if (expiresAtMs - nowMs < EXPIRES_SOON_MS)
    return { check, state: 'warning', says: `the certificate expires on ${date}`, fix }
  return { check, state: 'ok', says: `the certificate is good until ${date}` }
}

type Backups = {
  readonly nowMs: number
  /** When the newest backup that was verified was made; nothing where none is known. */
  readonly newestMs: number | undefined
  /** Between two backups of the schedule; nothing where none is made by itself. */
  readonly everyMs: number | undefined
  /** Why the newest try failed, if it did. */
  readonly failure?: string | undefined
}

/** Judges how much would be lost with the disk. */
export const backupFinding = ({ nowMs, newestMs, everyMs, failure }: Backups): Finding => {
  const check = 'backup'
  const fix = 'see that BACKUP_DIR can be written, then: secure-lock-server backup FILE'
  if (failure !== undefined)
    return { check, state: 'fault', says: `the last one failed: ${failure}`, fix }
  if (everyMs === undefined && newestMs === undefined)
    return {
      check,
      state: 'warning',
      says: 'none: with the disk, accounts and log would be lost',
      fix: 'set BACKUP_DIR to a folder on another disk, or run secure-lock-server backup FILE',
    }
  const says = newestMs === undefined ? 'none yet' : `newest of ${new Date(newestMs).toISOString()}`
  const isLate = everyMs !== undefined && nowMs - (newestMs ?? 0) > 2 * everyMs
  if (isLate) return { check, state: newestMs === undefined ? 'warning' : 'fault', says, fix }
  return { check, state: 'ok', says }
}

/** Judges whether requests come through a proxy that nobody named: then all its clients are one, to
 * limits and waits. */
export const proxyFinding = (peers: readonly string[]): Finding =>
  peers.length === 0
    ? { check: 'proxy', state: 'ok', says: 'no forwarded requests of proxies that are not trusted' }
    : {
        check: 'proxy',
        state: 'warning',
        says: `forwarded requests came from ${peers.join(', ')}, which TRUSTED_PROXIES does not name`,
        fix: 'if that is your proxy, name it in TRUSTED_PROXIES; if not, somebody pretends to be one',
      }

type LogCheck =
  | { readonly ok: true; readonly size: number }
  | { readonly ok: false; readonly seq: number | undefined; readonly fault: string }

/** Tells what the newest check of the unlock log found; nothing where none has ended yet. */
export const logFinding = (verdict: LogCheck | undefined): Finding => {
  const check = 'unlock log'
  if (!verdict) return { check, state: 'ok', says: 'the first check has not ended yet' }
  if (verdict.ok)
    return {
      check,
      state: 'ok',
      says: `intact: ${verdict.size === 1 ? '1 event' : `${verdict.size.toLocaleString('en')} events`}`,
    }
  const where = verdict.seq === undefined ? '' : ` (event ${verdict.seq})`
  return {
    check,
    state: 'fault',
    says: `${verdict.fault}${where}`,
    fix: 'copy the whole data folder before anything is changed in it; then compare with a kept checkpoint: secure-lock-server log verify --checkpoint FILE',
  }
}
