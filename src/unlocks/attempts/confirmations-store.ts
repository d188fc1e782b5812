import { SAME_OPENING_MS } from '../../domain/home-event.ts'
import type { Queries } from '../../storage/database.ts'
import type { UnlockEvent } from '../log/event.ts'

/** How many reports around a claim are considered: more occur only with a wrong clock or a broken lock. */
const AROUND_MAX = 100

type Event = Pick<
  UnlockEvent,
  'seq' | 'source' | 'result' | 'lock' | 'receivedAtMs' | 'happenedAtMs'
>

/** A controller of a lock, from when to when; `toMs` is null while it is trusted. */
export type Controller = {
  readonly lock: string
  readonly fromMs: number
  readonly toMs: number | null
}

/** Returns all controllers that the home has and had. */
export const controllersIn = (db: Pick<Queries, 'all'>): Promise<readonly Controller[]> =>
  db.all<Controller>(
    `SELECT
       lock.label AS lock,
       controller.enrolled_at_ms AS "fromMs",
       coalesce(controller.forked_at_ms, controller.removed_at_ms) AS "toMs"
     FROM controller
     JOIN lock ON lock.id = controller.lock_id`,
  )

type Known = { readonly controllers: readonly Controller[]; readonly nowMs: number }

/** Returns whether locks confirm claims, by the numbers of the claims: only for openings that apps claim of locks that
 * had a controller then, which would say so itself. A claim is unconfirmed if no report of the same opening has come two
 * minutes after it. */
export const confirmationsOf = async (
  db: Pick<Queries, 'all'>,
  events: readonly Event[],
  { controllers, nowMs }: Known,
): Promise<ReadonlyMap<number, boolean>> => {
  const confirmed = new Map<number, boolean>()
  const claims = events.filter(
    (event) =>
      isClaim(event) &&
      controllers.some(
        ({ lock, fromMs, toMs }) =>
          lock === event.lock &&
          event.happenedAtMs >= fromMs &&
          (toMs === null || event.happenedAtMs < toMs),
      ),
  )
  if (claims.length === 0) return confirmed
  const rows = await db.all<{ seq: number }>(
    CONFIRMED,
    JSON.stringify(claims.map(({ seq }) => seq)),
  )
  const heard = new Set(rows.map(({ seq }) => seq))
  for (const { seq, receivedAtMs } of claims)
    if (heard.has(seq)) confirmed.set(seq, true)
    else if (nowMs - receivedAtMs > SAME_OPENING_MS) confirmed.set(seq, false)
  return confirmed
}

const isClaim = ({ source, result }: Event): boolean =>
  source === 'claimed' && result === 'unlocked'

/** Claims of which the lock reported the same opening, or one by nobody it knows within two minutes. The plus sign keeps
 * SQLite from searching by that column. */
const CONFIRMED = `
  SELECT claim.seq
  FROM json_each(?)
  CROSS JOIN unlock_event AS claim ON claim.seq = CAST(value AS bigint)
  WHERE EXISTS (SELECT 1 FROM unlock_report WHERE claim_seq = claim.seq) OR EXISTS (
    SELECT 1
    FROM (
      SELECT seq
      FROM unlock_report
      WHERE +claim_seq IS NULL
        AND happened_at_ms >= claim.happened_at_ms - ${SAME_OPENING_MS}
        AND happened_at_ms <= claim.happened_at_ms + ${SAME_OPENING_MS}
        AND attempt_id IS NULL
      ORDER BY happened_at_ms DESC
      LIMIT ${AROUND_MAX}
    ) AS around
    CROSS JOIN unlock_event AS report ON report.seq = around.seq
    WHERE report.username = ''
      AND report.lock = claim.lock
      AND report.result IN ('unlocked', 'released')
  )`
