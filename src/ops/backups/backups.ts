import { access, mkdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Config } from '../../config/config.ts'
import { type Actor, GATEWAY, type RecordAuditEvent } from '../../domain/audit-event.ts'
import type { Clock } from '../../domain/clock.ts'
import { HOUR_MS, MINUTE_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import { type BackupFile, backupFolder } from './backup-folder.ts'

export type Backups = ReturnType<typeof backupService>

type Created = { readonly bytes: number; readonly events: number; readonly isEncrypted: boolean }

/** Creates a backup at that path, complete or not at all, without blocking this process. */
export type CreateBackup = (path: string, stopping: AbortSignal) => Promise<Created>

type Dependencies = {
  readonly settings: Pick<
    Config,
    'dataDir' | 'backupDir' | 'backupEveryMs' | 'backupKeep' | 'backupPassphrase'
  >
  /** Distinguishes this gateway's backups from those of others in the same folder. */
  readonly keyId: number
  /** Undefined if another process creates them. */
  readonly createBackup: CreateBackup | undefined
  /** If the log is stopped, why, in a sentence for anyone. Backups of the wrong database would push out those
   * of the right one. */
  readonly logStop: () => { readonly says: string } | undefined
  readonly record: RecordAuditEvent
  /** Returns the newest audit event of an action on a subject. */
  readonly newestEvent: (action: string, subject: string) => Promise<Recorded | undefined>
  /** Called when a backup has failed. */
  readonly onFailure: (error: unknown) => void
  /** Called when a backup has begun, and when it has ended. */
  readonly onChange?: () => void
  readonly clock: Pick<Clock, 'wallMs' | 'monotonicMs'>
}

type Recorded = {
  readonly atMs: number
  readonly result: 'success' | 'failure'
  readonly detail: Readonly<Record<string, unknown>>
}

export type BackupState = {
  readonly isRunning: boolean
  /** Newest first. */
  readonly files: readonly BackupFile[]
  readonly newest: BackupFile | undefined
  /** Undefined without a BACKUP_DIR. */
  readonly everyMs: number | undefined
  readonly keep: number
  /** When the newest backup by the `backup` command was created. */
  readonly byHandMs: number | undefined
  /** Why the latest attempt failed, or undefined if it did not. */
  readonly failure: { readonly atMs: number; readonly reason: string } | undefined
}

const CHECK_EVERY_MS = MINUTE_MS
const STOP_MS_MAX = 3000
const LOOK_MS_MAX = 1000

const EVENT = { action: 'backup.create', subject: 'BACKUP_DIR' } as const

/** What the command `backup` records once its file is complete. */
export const BY_HAND = { action: 'backup.create', subject: 'FILE' } as const

/** Backups that the server creates on a schedule, or when an owner asks: in one folder, where it keeps
 * the newest and deletes no file that it did not create. */
export const backupService = (deps: Dependencies) => {
  const { settings, createBackup, logStop, record, newestEvent, onFailure, clock } = deps
  const { onChange = () => {} } = deps
  const { dataDir, backupDir: dir, backupEveryMs, backupKeep, backupPassphrase } = settings
  const folder = dir === undefined ? undefined : backupFolder(dir, deps.keyId)
  let stopping = new AbortController()
  const startedAtMs = clock.monotonicMs()
  let attemptedAtMs: number | undefined
  let wasMissing = false
  let running: Promise<void> | undefined
  let timer: Timer | undefined

  const list = async () => folder?.list() ?? []

  /** True if BACKUP_DIR does not exist and will not be created, such as while its disk is missing. */
  const isFolderMissing = async (): Promise<boolean> => {
    if (dir === undefined || isWithin(dir, dataDir)) return false
    const isAbsent = access(dir).then(
      () => false,
      (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT',
    )
    // A share that does not answer must delay nothing.
    return Promise.race([isAbsent, Bun.sleep(LOOK_MS_MAX).then(() => false)])
  }

  const createNext = async (from: Actor): Promise<void> => {
    if (dir === undefined || !folder) throw noFolder()
    // Elsewhere it may be the mount point of a disk that is not there; creating it would fill this one.
    if (isWithin(dir, dataDir)) await mkdir(dir, { recursive: true, mode: 0o700 })
    if (!createBackup) throw new AppError('unavailable', 'Only the running server creates backups')
    const file = await folder.nextName(clock.wallMs(), backupPassphrase !== undefined)
    stopping.signal.throwIfAborted()
    const created = await createBackup(join(dir, file), stopping.signal)
    const { bytes, events, isEncrypted: encrypted } = created
    await record(from, { ...EVENT, result: 'success', detail: { file, bytes, events, encrypted } })
    await folder.keepNewest(backupKeep)
  }

  const attempt = async (from: Actor): Promise<void> => {
    try {
      await createNext(from)
    } catch (error) {
      if (stopping.signal.aborted) return
      wasMissing = await isFolderMissing()
      onFailure(error)
      const detail = { reason: reasonOf(error) }
      await record(from, { ...EVENT, result: 'failure', detail }).catch(onFailure)
    }
  }

  const begin = (from: Actor): Promise<void> => {
    attemptedAtMs = clock.monotonicMs()
    wasMissing = false
    if (!running) {
      running = attempt(from).finally(() => {
        running = undefined
        onChange()
      })
      onChange()
    }
    return running
  }

  /** A backup is due when the newest is old enough. If that is from the future, because the clock jumped,
   * the time since this process started counts instead. Attempts are at least an hour apart, whatever
   * the clock says, unless the folder is there that was missing. */
  const isDue = async (): Promise<boolean> => {
    if (wasMissing && !(await isFolderMissing())) return true
    const waitedMs = clock.monotonicMs() - (attemptedAtMs ?? startedAtMs)
    if (attemptedAtMs !== undefined && waitedMs < HOUR_MS) return false
    // If the folder cannot be read, the attempt fails too, and reports it.
    const files = await list().catch(() => [])
    const newest = files[0]
    if (!newest) return true
    const ageMs = clock.wallMs() - newest.createdAtMs
    return (ageMs >= 0 ? ageMs : waitedMs) >= backupEveryMs
  }

  const createIfDue = async (): Promise<void> => {
    if (running || logStop() || !(await isDue()) || stopping.signal.aborted) return
    await begin(GATEWAY)
  }

  const plan = () => ({
    isRunning: running !== undefined,
    everyMs: dir === undefined ? undefined : backupEveryMs,
    keep: backupKeep,
  })

  /** Returns when the command last created a backup, and whether the latest attempt of the service failed. */
  const attempts = async (): Promise<Pick<BackupState, 'byHandMs' | 'failure'>> => {
    const last = await newestEvent(EVENT.action, EVENT.subject)
    const hasFailed = last?.result === 'failure'
    const byHand = await newestEvent(BY_HAND.action, BY_HAND.subject)
    return {
      byHandMs: byHand?.atMs,
      failure: hasFailed ? { atMs: last.atMs, reason: String(last.detail['reason']) } : undefined,
    }
  }

  /** Throws `unavailable` while the log is stopped. */
  const requireLog = (): void => {
    const stop = logStop()
    if (stop) throw new AppError('unavailable', stop.says, { reason: 'log_stopped' })
  }

  return {
    /** Returns the backups in BACKUP_DIR, newest first. Throws `unavailable`. */
    list,

    isFolderMissing,

    plan,
    attempts,
    requireLog,

    /** Returns the backups, and whether the latest attempt failed. Throws `unavailable` if the
     * folder cannot be read. */
    state: async (): Promise<BackupState> => {
      const tried = await attempts()
      const files = await list()
      return { ...tried, ...plan(), files, newest: files[0] }
    },

    /** Creates a backup if one is due and the log is not stopped, and resolves when it is finished. */
    createIfDue,

    /** Checks now and every minute whether a backup is due. */
    start: (): void => {
      if (dir === undefined) return
      clearInterval(timer)
      stopping = new AbortController()
      timer = setInterval(() => void createIfDue(), CHECK_EVERY_MS)
      timer.unref()
      void createIfDue()
    },

    /** Starts a backup, or joins the one that is running. Throws `conflict` without a BACKUP_DIR, and
     * `unavailable` while the log is stopped. */
    createNow: (from: Actor): void => {
      if (dir === undefined) throw noFolder()
      requireLog()
      void begin(from)
    },

    /** Aborts a backup that is running; no file is left under its name. */
    stop: async (): Promise<void> => {
      clearInterval(timer)
      stopping.abort()
      // A folder that does not answer must not delay the stop.
      await Promise.race([running, Bun.sleep(STOP_MS_MAX)])
    },
  }
}

const isWithin = (path: string, folder: string): boolean => !relative(folder, path).startsWith('..')

export const noFolder = (): AppError =>
  new AppError('conflict', 'Set BACKUP_DIR first', { reason: 'no_backup_dir' })

const reasonOf = (error: unknown): string =>
  error instanceof AppError ? error.message : 'The log of the server says why'
