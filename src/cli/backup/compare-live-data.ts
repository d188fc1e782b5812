import { existsSync } from 'node:fs'
import { erasedPeople } from '../../accounts/people/restore-store.ts'
import type { Config } from '../../config/config.ts'
import { AppError } from '../../errors.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { openReadOnly } from '../../storage/open.ts'
import { formatVerifierKey } from '../../unlocks/tlog/signed-note.ts'
import { type LogFile, openLogFile } from '../../unlocks/verify/log-file.ts'
import { verifyLog } from '../../unlocks/verify/verify-log.ts'
import type { Unpacked } from './unpack-backup.ts'

/** What DATA_DIR holds, as far as it can be read, next to a backup that is to take its place. */
export type LiveData = {
  /** How the two logs stand to one another, for people. */
  readonly words: string
  /** Events that only the present log has, where that is known. */
  readonly lost: number | undefined
  /** Public ids of people who are erased in what is there. */
  readonly erased: readonly string[]
}

/** Compares; nothing where there is no database yet. */
export const compareLiveData = async (
  config: Config,
  backup: Unpacked,
): Promise<LiveData | undefined> => {
  if (!existsSync(config.databasePath)) return undefined
  try {
    const log = await openLogFile(config)
    try {
      const erased = await erasedIn(config)
      return { ...(await relation(log, backup)), erased }
    } finally {
      log.close()
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return {
      words: `What is there now cannot be compared, so that nobody can say what will be lost. ${error.message}`,
      lost: undefined,
      erased: await erasedIn(config).catch(() => []),
    }
  }
}

const relation = async (
  log: LogFile,
  backup: Unpacked,
): Promise<Pick<LiveData, 'words' | 'lost'>> => {
  const { app, events } = backup
  if (formatVerifierKey(log.key) !== formatVerifierKey(app.verifierKey))
    return { words: 'What is there now is another log, of another key.', lost: undefined }
  const head = await app.unlockLog.head()
  const isBehind = log.head.size < events
  const verdict = isBehind
    ? await verifyLog({
        source: app.unlocks,
        head,
        key: app.verifierKey,
        kept: [log.head.checkpoint],
      })
    : await log.verify({ kept: [head.checkpoint] })
  if (!verdict.ok)
    return {
      words: `The log that is there now does not extend that of the backup, nor the other way round. ${verdict.fault}`,
      lost: undefined,
    }
  const lost = isBehind ? 0 : log.head.size - events
  return { words: extending(lost, log.head.size, events), lost }
}

const extending = (lost: number, present: number, events: number): string => {
  if (present < events) return `The log that is there now has ${present} events, all in the backup.`
  if (lost === 0) return 'The log that is there now is the same.'
  return `The log that is there now has ${present} events: the newest ${lost} will be lost.`
}

const erasedIn = async ({ databasePath }: Config): Promise<readonly string[]> => {
  const db = openReadOnly(databasePath)
  try {
    return await erasedPeople(db)
  } finally {
    db.close()
  }
}

/** Erases those people of a backup who were erased since; gives how many could not be. */
export const reapplyErasures = async (
  { app }: Unpacked,
  erased: readonly string[],
): Promise<{ readonly erased: number; readonly kept: number }> => {
  let [done, kept] = [0, 0]
  for (const publicId of erased) {
    if (!(await app.people.findByPublicId(publicId))) continue
    try {
      await app.administration.erase({ by: COMMAND_LINE, publicId })
      done += 1
    } catch (error) {
      // The last owner of that time.
      if (!(error instanceof AppError && error.code === 'conflict')) throw error
      kept += 1
    }
  }
  return { erased: done, kept }
}
