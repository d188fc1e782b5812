import type { Actor } from '../../domain/audit-event.ts'
import { MINUTE_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Database } from '../../storage/database.ts'
import { replicaState } from '../../storage/replicas/state.ts'
import { databaseOfLeader } from '../../storage/unit-of-work.ts'
import { type BackupState, type Backups, noFolder } from './backups.ts'

type Dependencies = {
  readonly own: Backups
  readonly db: Database
  /** Called if the state of the backups or a request cannot be stored, or a requested backup not be started. */
  readonly onFailure: (error: unknown) => void
}

/** What the leader has published about its folder. */
type Told = Pick<BackupState, 'isRunning' | 'files' | 'everyMs' | 'keep'> & {
  /** Why the folder cannot be read. */
  readonly fault?: string
}

const LOOK_EVERY_MS = MINUTE_MS

/** The `Backups` of a home with several replicas. The leader creates them in its folder; the others show what it has
 * published, and pass requests for a backup on to it. */
export const sharedBackups = ({ own, db, onFailure }: Dependencies) => {
  const { isLeader } = db.leading
  const toldIn = (queries: Pick<Database, 'get' | 'run'>) => replicaState<Told>(queries, 'backups')
  const requestIn = (queries: Pick<Database, 'get' | 'run'>) =>
    replicaState<Actor>(queries, 'backup_request')
  let timer: Timer | undefined
  let published = ''

  const told = async (): Promise<Told> => {
    try {
      const { isRunning, files, everyMs, keep } = await own.state()
      return { isRunning, files, everyMs, keep }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const { isRunning, everyMs, keep } = own.plan()
      return { isRunning, files: [], everyMs, keep, fault: error.message }
    }
  }

  const publishNow = async (): Promise<void> => {
    if (!isLeader()) return
    try {
      const state = await told()
      if (JSON.stringify(state) === published) return
      await databaseOfLeader(db).transaction((tx) => toldIn(tx).put(state))
      published = JSON.stringify(state)
    } catch (error) {
      onFailure(error)
    }
  }
  let publishing: Promise<void> = Promise.resolve()
  const publish = (): Promise<void> => (publishing = publishing.then(publishNow))

  const takeRequest = async (): Promise<void> => {
    if (!isLeader()) return
    const from = await requestIn(db).read()
    if (!from) return
    try {
      own.createNow(from)
    } catch (error) {
      onFailure(error)
    }
    await publish()
    await databaseOfLeader(db).transaction((tx) => requestIn(tx).forget())
  }

  const look = (): void => void publish().then(takeRequest).catch(onFailure)

  const state = async (): Promise<BackupState> => {
    if (isLeader()) return own.state()
    const theirs = await toldIn(db).read()
    if (!theirs) return own.state()
    const { fault, files, everyMs, keep } = theirs
    if (fault !== undefined) throw new AppError('unavailable', fault)
    const isRunning = theirs.isRunning || (await requestIn(db).read()) !== undefined
    const newest = files[0]
    return { ...(await own.attempts()), isRunning, files, newest, everyMs, keep }
  }

  return {
    ...own,
    state,
    list: async () => (await state()).files,

    /** Starts a backup or joins the running one if this replica leads; otherwise asks the leader for one. */
    createNow: async (from: Actor): Promise<void> => {
      if (isLeader()) return own.createNow(from)
      own.requireLog()
      const plan = (await toldIn(db).read()) ?? own.plan()
      if (plan.everyMs === undefined) throw noFolder()
      if (plan.isRunning) return
      const { account, token, address, userAgent, requestId } = from
      await db.transaction((tx) =>
        requestIn(tx).put({ account, token, address, userAgent, requestId }),
      )
    },

    /** Publishes the state. Called after a backup has begun or ended. */
    publish,

    /** Called soon after another replica has committed: it may have asked for a backup. */
    refresh: takeRequest,

    start: (): void => {
      published = ''
      own.start()
      clearInterval(timer)
      timer = setInterval(look, LOOK_EVERY_MS)
      timer.unref()
      look()
    },

    stop: async (): Promise<void> => {
      clearInterval(timer)
      await own.stop()
      await publishing
    },
  }
}
