import { existsSync } from 'node:fs'
import {
  type EndDate,
  endDates,
  erasedPeople,
  liveTokens,
  waitingPeople,
} from '../../accounts/people/restore-store.ts'
import type { Config } from '../../config/config.ts'
import { AppError } from '../../errors.ts'
import {
  type LiveControllers,
  NO_CONTROLLERS,
  liveControllers,
} from '../../controllers/restore/restore-store.ts'
import { COMMAND_LINE } from '../../domain/audit-event.ts'
import { type LivePasses, NO_PASSES, livePasses } from '../../guests/restore/restore-store.ts'
import { type LiveAccess, NO_ACCESS, liveAccess } from '../../locks/restore/live-access.ts'
import { type LiveTargets, liveTargets } from '../../outbox/core/restore-store.ts'
import { openReadOnly } from '../../storage/open.ts'
import { formatVerifierKey } from '../../unlocks/tlog/signed-note.ts'
import { type LogFile, openLogFile } from '../../unlocks/verify/log-file.ts'
import { verifyLog } from '../../unlocks/verify/verify-log.ts'
import type { Unpacked } from './unpack-backup.ts'

/** What DATA_DIR contains now, compared with the backup that will replace it. */
export type LiveData = {
  /** How the two logs relate, for people. */
  readonly summary: string
  /** How many events only the current log has, if that is known. */
  readonly lost: number | undefined
  /** The newest checkpoint of the current log, if its key is the same. */
  readonly checkpoint: string | undefined
  /** Public ids of the people erased in the current data. */
  readonly erased: readonly string[]
  /** Public ids of the people who wait to be admitted in the current data. */
  readonly waiting: readonly string[]
  /** The end dates in the current data. */
  readonly ending: readonly EndDate[]
  /** The ids of the access tokens that are not revoked in the current data. */
  readonly tokens: readonly string[]
  /** Grants and locks that were withdrawn in the current data, or changed. */
  readonly access: LiveAccess
  /** Guests’ passes and locks’ controllers in the current data. */
  readonly passes: LivePasses
  readonly controllers: LiveControllers
  /** The enabled targets in the current data; undefined if that cannot be read. */
  readonly targets?: LiveTargets
}

/** Compares the two, or returns `undefined` if there is no database yet. */
export const compareLiveData = async (
  config: Config,
  backup: Unpacked,
): Promise<LiveData | undefined> => {
  if (!existsSync(config.databasePath)) return undefined
  try {
    const log = await openLogFile(config)
    try {
      const { hasAll, ...related } = await relation(log, backup)
      const { access, ...withdrawn } = await withdrawalsIn(config)
      return { ...related, ...withdrawn, access: { ...access, isKnown: hasAll } }
    } finally {
      log.close()
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return {
      summary: `The current data cannot be compared, so it is unknown what will be lost. ${error.message}`,
      lost: undefined,
      checkpoint: undefined,
      ...(await withdrawalsIn(config).then(inDoubt, () => NOTHING)),
    }
  }
}

type Related = Pick<LiveData, 'summary' | 'lost' | 'checkpoint'> & {
  /** Whether the current log has everything that the backup has, so that nothing was withdrawn elsewhere since. */
  readonly hasAll: boolean
}

const relation = async (log: LogFile, backup: Unpacked): Promise<Related> => {
  const { app, events } = backup
  if (formatVerifierKey(log.key) !== formatVerifierKey(app.unlocks.verifierKey))
    return {
      summary: 'The current log is another one, with another key.',
      lost: undefined,
      checkpoint: undefined,
      hasAll: false,
    }
  const { checkpoint } = log.head
  const head = await app.unlocks.unlockLog.head()
  const isBehind = log.head.size < events
  const verdict = isBehind
    ? await verifyLog({
        source: app.unlocks.store,
        head,
        key: app.unlocks.verifierKey,
        kept: [log.head.checkpoint],
      })
    : await log.verify({ kept: [head.checkpoint] })
  if (!verdict.ok)
    return {
      summary: `Neither the current log nor the one in the backup extends the other. ${verdict.fault}`,
      lost: undefined,
      checkpoint,
      hasAll: false,
    }
  const lost = isBehind ? 0 : log.head.size - events
  return { summary: extension(lost, log.head.size, events), lost, checkpoint, hasAll: !isBehind }
}

const extension = (lost: number, current: number, events: number): string => {
  if (current < events) return `The current log has ${current} events, all in the backup.`
  if (lost === 0) return 'The current log is the same.'
  return `The current log has ${current} events: the newest ${lost} will be lost.`
}

/** What was withdrawn in the current data. */
export type Withdrawals = Omit<LiveData, 'summary' | 'lost' | 'checkpoint'>

/** Nothing is known of the current data. */
export const NOTHING: Withdrawals = {
  erased: [],
  waiting: [],
  ending: [],
  tokens: [],
  access: NO_ACCESS,
  passes: NO_PASSES,
  controllers: NO_CONTROLLERS,
}

/** Of data whose log could not be compared, it is not known whether it is newer than the backup. */
const inDoubt = (withdrawn: Withdrawals): Withdrawals => ({
  ...withdrawn,
  access: { ...withdrawn.access, isKnown: false },
})

const withdrawalsIn = async ({ databasePath }: Config): Promise<Withdrawals> => {
  const db = openReadOnly(databasePath)
  try {
    return {
      erased: await erasedPeople(db),
      waiting: await waitingPeople(db),
      ending: await endDates(db),
      tokens: await liveTokens(db),
      access: await liveAccess(db, Date.now()),
      passes: await livePasses(db),
      controllers: await liveControllers(db),
      targets: await liveTargets(db),
    }
  } finally {
    db.close()
  }
}

/** Erases the people in the backup who were erased since it was created. Returns how many were erased,
 * and how many could not be. */
export const reapplyErasures = async (
  { app }: Unpacked,
  erased: readonly string[],
): Promise<{ readonly erased: number; readonly kept: number }> => {
  let [done, kept] = [0, 0]
  for (const publicId of erased) {
    if (!(await app.accounts.store.findByPublicId(publicId))) continue
    try {
      await app.accounts.administration.erase({ by: COMMAND_LINE, publicId })
      done += 1
    } catch (error) {
      // They were the only owner at the time of the backup.
      if (!(error instanceof AppError && error.code === 'conflict')) throw error
      kept += 1
    }
  }
  return { erased: done, kept }
}

/** Makes the people in the backup wait who had been admitted then, and have to wait now. Returns how
 * many, and how many could not be made to wait. */
export const reapplyWithdrawals = async (
  { app }: Unpacked,
  waiting: readonly string[],
): Promise<{ readonly withdrawn: number; readonly kept: number }> => {
  let [done, kept] = [0, 0]
  for (const publicId of waiting) {
    const account = await app.accounts.store.findByPublicId(publicId)
    if (!account?.admitted) continue
    try {
      await app.accounts.administration.change({ by: COMMAND_LINE, publicId, admitted: false })
      done += 1
    } catch (error) {
      // They were an admin or owner at the time of the backup.
      if (!(error instanceof AppError && error.code === 'conflict')) throw error
      kept += 1
    }
  }
  return { withdrawn: done, kept }
}

/** Sets the end dates that people have now again if they were later or absent at the time of the backup.
 * Returns how many, and how many could not be set. */
export const reapplyEndDates = async (
  { app }: Unpacked,
  ending: readonly EndDate[],
): Promise<{ readonly ended: number; readonly kept: number }> => {
  let [done, kept] = [0, 0]
  for (const { publicId, endsAtMs } of ending) {
    const then = await app.accounts.directory.find(publicId)
    if (!then || (then.endsAtMs !== null && then.endsAtMs <= endsAtMs)) continue
    try {
      await app.accounts.administration.setEndAgain({ by: COMMAND_LINE, publicId, endsAtMs })
      done += 1
    } catch (error) {
      // At the time of the backup, they were the only owner without an end date.
      if (!(error instanceof AppError && error.code === 'conflict')) throw error
      kept += 1
    }
  }
  return { ended: done, kept }
}
