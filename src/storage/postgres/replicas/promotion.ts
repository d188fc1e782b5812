import { SECOND_MS } from '../../../domain/duration.ts'
import { AppError } from '../../../errors.ts'
import type { Client } from '../client.ts'

/** How long nothing is signed after a standby was promoted, so that each replica that has seen more can stop the log:
 * the address may lead it there late by a connection that must time out (3 s), its look at the home and its turn may
 * each take a second to be tried again, and the turn may first meet a dead connection (2.7 s). */
const PAUSE_MS = 8 * SECOND_MS

/** The timeline of the server, which a promotion changes. Any user may read it, but it cannot be read on a standby. */
const TIMELINE = 'substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)'

/** Notices that a standby was promoted since the newest commit of the home. */
export const promotionWatch = async (
  client: Pick<Client, 'query'>,
  { schema, onWait }: { readonly schema: string; readonly onWait: (reason: string) => void },
) => {
  /** A timeline that is not that of the newest commit, and since when it is known. */
  let found: { readonly timeline: string; readonly sinceMs: number } | undefined

  /** Called with the timeline of the newest commit and that of the server. Returns true if a standby was promoted in
   * between, and not long enough ago. */
  const note = (committed: unknown, now: unknown): boolean => {
    if (typeof committed !== 'string' || typeof now !== 'string' || committed === now) {
      found = undefined
      return false
    }
    if (found?.timeline !== now) found = { timeline: now, sinceMs: performance.now() }
    return true
  }

  const timeline = (await canRead(client)) ? TIMELINE : 'CAST(NULL AS text)'
  const [home] = await client.query(
    `SELECT timeline, ${timeline} AS now FROM ${schema}.home WHERE id = 1`,
    [],
  )
  if (home && home['timeline'] === null)
    await client.query(
      `UPDATE ${schema}.home SET timeline = ${timeline} WHERE id = 1 AND timeline IS NULL`,
      [],
    )
  if (note(home?.['timeline'], home?.['now'])) {
    onWait('a standby was promoted: replicas that have seen more may stop the log')
    await Bun.sleep(PAUSE_MS)
  }

  return {
    /** The expression in SQL for the timeline of the server; NULL if it hides it. */
    timeline,
    note,
    /** Returns the timeline that the next turn may commit as that of the home, if the pause is over. */
    settled: (): string | null =>
      found && performance.now() - found.sinceMs >= PAUSE_MS ? found.timeline : null,
  }
}

export type PromotionWatch = Awaited<ReturnType<typeof promotionWatch>>

/** Some services with PostgreSQL’s interface have no timelines, and replace a server without losing commits. */
const canRead = async (client: Pick<Client, 'query'>): Promise<boolean> => {
  try {
    await client.query(`SELECT ${TIMELINE}`, [])
    return true
  } catch (error) {
    if (error instanceof AppError) throw error
    return false
  }
}
