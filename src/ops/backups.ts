import { mkdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { AppError } from '../errors.ts'
import { GATEWAY, type RecordAuditEvent } from '../domain/audit-event.ts'
import { type BackupFile, backupFolder } from './backup-folder.ts'

export type Backups = ReturnType<typeof backupService>

type Made = { readonly bytes: number; readonly events: number; readonly isEncrypted: boolean }

/** Makes a backup under that path, whole or not at all, without holding this process up. */
export type CreateBackup = (path: string, stopping: AbortSignal) => Promise<Made>

type Dependencies = {
  readonly settings: {
    readonly dataDir: string
    /** Empty where no backups are wanted. */
    readonly backupDir: string
    readonly backupEveryHours: number
    readonly backupKeep: number
    readonly backupPassphrase: string
  }
  /** Tells this gateway's backups from those of others in the same folder. */
  readonly keyId: number
  /** Absent where another process makes them. */
  readonly make: CreateBackup | undefined
  readonly record: RecordAuditEvent
  /** The newest record of an action on a subject. */
  readonly newestRecord: (action: string, subject: string) => Promise<Recorded | undefined>
  /** Told why a backup failed. */
  readonly report: (error: unknown) => void
  readonly now: () => number
  readonly monotonic: () => number
}

type Recorded = {
  readonly atMs: number
  readonly result: 'success' | 'failure'
  readonly detail: Readonly<Record<string, unknown>>
}

type From = Parameters<RecordAuditEvent>[0]

export type BackupState = {
  readonly isMaking: boolean
  readonly newest: BackupFile | undefined
  /** Why the latest try failed, unless it did not. */
  readonly failure: { readonly atMs: number; readonly reason: string } | undefined
}

const HOUR_MS = 3_600_000
const LOOK_EVERY_MS = 60_000
const STOP_MS_MAX = 3000

const EVENT = { action: 'backup.create', subject: 'BACKUP_DIR' } as const

/** Backups that the service makes by itself, or when an owner asks: into one folder, of which it keeps
 * the newest and deletes no file that it did not make. */
export const backupService = (deps: Dependencies) => {
  const { settings, make, record, newestRecord, report, now, monotonic } = deps
  const { dataDir, backupDir: dir, backupEveryHours, backupKeep, backupPassphrase } = settings
  const folder = backupFolder(dir, deps.keyId)
  const stopping = new AbortController()
  const startedAtMs = monotonic()
  let triedAtMs: number | undefined
  let making: Promise<void> | undefined
  let looking: Timer | undefined

  const list = async () => (dir === '' ? [] : folder.list())

  const makeNext = async (from: From): Promise<void> => {
    // Elsewhere it may be a disk that is not mounted, whose place would fill this one.
    if (!relative(dataDir, dir).startsWith('..')) await mkdir(dir, { recursive: true, mode: 0o700 })
    if (!make) throw new AppError('unavailable', 'Only the running service makes backups')
    const file = await folder.nextName(now(), backupPassphrase !== '')
    const { bytes, events, isEncrypted: encrypted } = await make(join(dir, file), stopping.signal)
    await record(from, { ...EVENT, result: 'success', detail: { file, bytes, events, encrypted } })
    await folder.keepNewest(backupKeep)
  }

  const tryNext = async (from: From): Promise<void> => {
    try {
      await makeNext(from)
    } catch (error) {
      if (stopping.signal.aborted) return
      report(error)
      const detail = { reason: reasonOf(error) }
      await record(from, { ...EVENT, result: 'failure', detail }).catch(report)
    }
  }

  const begin = (from: From): Promise<void> => {
    triedAtMs = monotonic()
    making ??= tryNext(from).finally(() => {
      making = undefined
    })
    return making
  }

  /** Due when the newest is old enough. One from the future, by a clock that jumped, says nothing: then
   * the time that this process runs counts. After each try an hour passes, whatever the clock says. */
  const isDue = async (): Promise<boolean> => {
    const waitedMs = monotonic() - (triedAtMs ?? startedAtMs)
    if (triedAtMs !== undefined && waitedMs < HOUR_MS) return false
    // A folder that cannot be read is a failure to be told of, and making a backup tells it.
    const files = await list().catch(() => [])
    const newest = files[0]
    if (!newest) return true
    const ageMs = now() - newest.madeAtMs
    return (ageMs >= 0 ? ageMs : waitedMs) >= backupEveryHours * HOUR_MS
  }

  const makeIfDue = async (): Promise<void> => {
    if (making || !(await isDue()) || stopping.signal.aborted) return
    await begin(GATEWAY)
  }

  return {
    /** Those in BACKUP_DIR, the newest first. Throws `unavailable`. */
    list,

    /** What and when the last backup was, and whether the latest try failed: the one place to ask.
     * Throws `unavailable` where the folder cannot be read. */
    state: async (): Promise<BackupState> => {
      const last = await newestRecord(EVENT.action, EVENT.subject)
      const hasFailed = last?.result === 'failure'
      return {
        isMaking: making !== undefined,
        newest: (await list())[0],
        failure: hasFailed ? { atMs: last.atMs, reason: String(last.detail['reason']) } : undefined,
      }
    },

    /** Makes a backup if it is time for one, and resolves when that is over. */
    makeIfDue,

    /** Looks now and every minute whether a backup is due. */
    start: (): void => {
      if (dir === '') return
      looking = setInterval(() => void makeIfDue(), LOOK_EVERY_MS)
      looking.unref()
      void makeIfDue()
    },

    /** Begins a backup, or joins the one under way. Throws `conflict` where there is no BACKUP_DIR. */
    makeNow: (from: From): void => {
      if (dir === '')
        throw new AppError('conflict', 'Set BACKUP_DIR first', { reason: 'no_backup_dir' })
      void begin(from)
    },

    /** Ends a backup that is under way; nothing of it stays under its name. */
    stop: async (): Promise<void> => {
      clearInterval(looking)
      stopping.abort()
      // A folder that does not answer holds up no stop.
      await Promise.race([making, Bun.sleep(STOP_MS_MAX)])
    },
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof AppError ? error.message : 'The log of the process says why'
