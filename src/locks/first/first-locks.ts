import { DEFAULT_LOCK } from '../../domain/access.ts'
import { UPGRADE } from '../../domain/audit-event.ts'
import { DAY_MS, SECOND_MS } from '../../domain/duration.ts'
import type { Database } from '../../storage/database.ts'
import { settingsIn } from '../../storage/sqlite/setting-store.ts'
import { NEW_HOME } from '../core/changes.ts'
import type { Grants } from '../grants/service.ts'
import type { Locks } from '../registry/service.ts'
import { locksIn } from '../registry/store.ts'

type Dependencies = {
  readonly db: Pick<Database, 'get' | 'run' | 'transaction'>
  readonly locks: Pick<Locks, 'addIn'>
  readonly grants: Pick<Grants, 'addIn'>
  readonly mostUsed: MostUsed
  /** The size of the log. */
  readonly size: () => Promise<number>
  /** The clock of the unlock log, which knows when not to be trusted. */
  readonly logClock: () => {
    readonly nowMs: number
    readonly isUncertain: boolean
    readonly newestMs: number
  }
}

/** Returns the lock labels of unlocks received since a time, most used first. */
type MostUsed = (asked: {
  readonly sinceMs: number
  readonly limit: number
  readonly onProgress: (done: number, all: number) => void
}) => Promise<readonly string[]>

/** Set once the first locks are made, so that nobody regains access that was taken away since. */
const FIRST_LOCKS = 'first_locks'

const DAYS = 90
const LOCKS_MAX = 50

/** Creates the first locks of a home, so that an update locks nobody out: one for each of the labels used most
 * in the last 90 days, or else the front door. Members, admins and owners may open these locks at any time
 * until somebody restricts that. Does nothing if the home has had its first locks. Records nothing in an empty
 * log, because every new home starts like that. */
export const makeFirstLocks = async (
  { db, locks, grants, mostUsed, size, logClock }: Dependencies,
  onProgress: (done: string) => void,
): Promise<void> => {
  if ((await settingsIn(db).find(FIRST_LOCKS)) !== undefined) return
  const { nowMs, isUncertain, newestMs } = logClock()
  // A clock that is far ahead would find no unlocks.
  const untilMs = isUncertain && newestMs > 0 ? newestMs : nowMs
  const used = await mostUsed({
    sinceMs: untilMs - DAYS * DAY_MS,
    limit: LOCKS_MAX,
    onProgress: progressIn(onProgress),
  })
  const labels = used.length > 0 ? used : [DEFAULT_LOCK]
  const by = (await size()) === 0 ? NEW_HOME : UPGRADE
  await db.transaction(async (tx) => {
    const settings = settingsIn(tx)
    // Another process may have made them by now.
    if ((await settings.find(FIRST_LOCKS)) !== undefined) return
    const made = []
    for (const label of labels)
      // An admin may have added it, while the log was stopped at the start.
      if (!(await locksIn(tx).find(label)))
        made.push(await locks.addIn(tx, by, { label, name: readableLabel(label) }))
    if (made.length > 0) await grants.addIn(tx, by, { holder: { role: 'member' }, locks: made })
    await settings.put(FIRST_LOCKS, new Date(nowMs).toISOString())
  })
}

/** Returns a label as a name: `front-door` as "Front door". */
export const readableLabel = (label: string): string =>
  label.charAt(0).toUpperCase() + label.slice(1).replaceAll(/-+/g, ' ')

/** Reports progress at most once a second. */
const progressIn = (onProgress: (done: string) => void) => {
  let toldAtMs = performance.now()
  return (done: number, all: number): void => {
    if (performance.now() - toldAtMs < SECOND_MS) return
    toldAtMs = performance.now()
    onProgress(`${inWords(done)} of ${inWords(all)} unlocks searched for locks`)
  }
}

const inWords = (count: number): string => count.toLocaleString('en')
