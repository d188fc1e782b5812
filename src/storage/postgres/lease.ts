import { SECOND_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import type { Database, Queries } from '../database.ts'
import type { Leading } from '../leading.ts'
import { COMMITS_LOCALLY } from '../replicas/local-commit.ts'

/** How long a lease lasts, and how often its holder renews it and others look whether it is free. */
const LASTS_MS = 10 * SECOND_MS
const LOOK_MS = 3 * SECOND_MS

/** How soon a failed look is repeated. */
const AGAIN_MS = SECOND_MS

/** Replicas that wait for the same lease look at it at slightly different times. */
const APART_MS = 200

/** With the holder: a failover may take the lease back to an earlier term, which another replica then continues. */
const HELD = 'holder = ? AND term = ?'

const END = `clock_timestamp() + interval '${LASTS_MS} milliseconds'`

type Dependencies = {
  readonly db: Pick<Database, 'transaction'>
  /** Statements outside the turn of the home: a renewal must not wait for others that write. */
  readonly outside: Pick<Queries, 'get' | 'run'>
  /** The id of this process. */
  readonly holder: string
}

/** Returns the lease of a home, which one replica holds at a time, by the clock of the database. Each time it passes to
 * another, its term grows, and the previous holder can no longer write as the leader: writes and the taking of the lease
 * are in the same order for all. */
export const lease = ({ db, outside, holder }: Dependencies) => {
  let term: number | undefined
  /** Until when it is held at least, by the monotonic clock: counted from before the database was asked. */
  let heldUntilMs = -Infinity
  let wasLeader = false
  let listener: ((isLeader: boolean) => void) | undefined
  let next: Timer | undefined
  let expiry: Timer | undefined
  let isOver = false
  let looking: Promise<void> = Promise.resolve()

  const isLeader = (): boolean => term !== undefined && performance.now() < heldUntilMs

  const tell = (): void => {
    const leads = isLeader()
    clearTimeout(expiry)
    if (leads) expiry = setTimeout(tell, heldUntilMs - performance.now() + 1).unref()
    if (leads === wasLeader) return
    wasLeader = leads
    listener?.(leads)
  }

  const renew = async (): Promise<void> => {
    const askedAtMs = performance.now()
    const renewed = await outside.run(
      `UPDATE lease SET ends_at = ${END} WHERE ${HELD} AND ${COMMITS_LOCALLY}`,
      holder,
      term ?? 0,
    )
    if (renewed === 0) term = undefined
    else heldUntilMs = askedAtMs + LASTS_MS
  }

  /** Takes the lease if it is free. Returns in how many milliseconds it may be. */
  const take = async (): Promise<number> => {
    const known = await outside.get<{ freeInMs: number }>(
      `SELECT CAST(extract(epoch FROM ends_at - clock_timestamp()) * 1000 AS bigint) AS "freeInMs" FROM lease`,
    )
    const freeInMs = known?.freeInMs ?? 0
    if (freeInMs > 0) return freeInMs + Math.random() * APART_MS
    const askedAtMs = performance.now()
    const taken = await db.transaction((tx) =>
      tx.get<{ term: number }>(
        `INSERT INTO lease (id, holder, term, ends_at) VALUES (1, ?, 1, ${END})
         ON CONFLICT (id) DO UPDATE
         SET holder = excluded.holder, term = lease.term + 1, ends_at = excluded.ends_at
         WHERE lease.ends_at <= clock_timestamp()
         RETURNING term`,
        holder,
      ),
    )
    if (!taken) return LOOK_MS
    term = taken.term
    heldUntilMs = askedAtMs + LASTS_MS
    return LOOK_MS
  }

  const look = async (): Promise<void> => {
    let againInMs = LOOK_MS
    try {
      if (term !== undefined) await renew()
      if (term === undefined) againInMs = Math.min(LOOK_MS, await take())
    } catch {
      againInMs = AGAIN_MS
    }
    if (isOver) return
    tell()
    next = setTimeout(() => void (looking = look()), againInMs).unref()
  }

  return {
    isLeader,

    isLed: async () =>
      (await outside.get('SELECT 1 AS led FROM lease WHERE ends_at > clock_timestamp()')) !==
      undefined,

    onChange: (told) => {
      listener = told
      looking = look()
    },

    requireIn: async (tx) => {
      const held = await tx.get(`SELECT 1 AS held FROM lease WHERE ${HELD}`, holder, term ?? 0)
      if (!held) throw new AppError('unavailable', 'Another replica leads now')
    },

    /** Returns the lease, so that another replica leads at once. Call it when the work of the leader has ended. Never
     * rejects. */
    giveBack: async (): Promise<void> => {
      isOver = true
      clearTimeout(next)
      clearTimeout(expiry)
      await looking
      const held = term
      term = undefined
      if (held === undefined) return
      // Otherwise it ends by itself.
      await outside
        .run(
          `UPDATE lease SET ends_at = clock_timestamp() WHERE ${HELD} AND ${COMMITS_LOCALLY}`,
          holder,
          held,
        )
        .catch(() => {})
    },
  } satisfies Leading & { readonly giveBack: () => Promise<void> }
}
