import type { Clock } from '../../domain/clock.ts'
import type { Queries } from '../../storage/database.ts'
import type { ReadOnlyDatabase } from '../../storage/open.ts'

type Revoked = {
  readonly sessions: number
  readonly invitations: number
  readonly tokens: number
}

/** Ends all sessions, password reset codes and invitations of a restored database, and all access tokens except
 * those with these ids: each may have ended, been used or been revoked since the backup. Returns how many
 * sessions, invitations and access tokens were ended. */
export const revokeCredentialsIn = async (
  tx: Pick<Queries, 'all' | 'run'>,
  clock: Pick<Clock, 'nonDecreasingMs'>,
  keptTokens: readonly string[],
): Promise<Revoked> => {
  // First and whole, which SQLite does without looking at each row.
  await tx.run('DELETE FROM refresh_token')
  const sessions = await tx.run('DELETE FROM session')
  await tx.run('DELETE FROM password_reset')
  const nowMs = clock.nonDecreasingMs()
  const invitations = await tx.run(
    `UPDATE invitation
     SET revoked_at_ms = ?
     WHERE revoked_at_ms IS NULL AND uses < uses_max AND expires_at_ms > ?`,
    nowMs,
    nowMs,
  )
  const kept = new Set(keptTokens)
  const revoked = (await unrevokedTokens(tx)).filter((id) => !kept.has(id))
  for (const id of revoked)
    await tx.run('UPDATE access_token SET revoked_at_ms = ? WHERE id = ?', nowMs, id)
  return { sessions, invitations, tokens: revoked.length }
}

/** The first schema with access tokens. */
const TOKEN_SCHEMA = 17

/** Returns the ids of the access tokens that are not revoked in a database. */
export const liveTokens = async (
  db: Pick<ReadOnlyDatabase, 'all' | 'schemaVersion'>,
): Promise<readonly string[]> => (db.schemaVersion < TOKEN_SCHEMA ? [] : unrevokedTokens(db))

const unrevokedTokens = async (db: Pick<Queries, 'all'>): Promise<readonly string[]> => {
  const rows = await db.all<{ id: string }>(
    'SELECT id FROM access_token WHERE revoked_at_ms IS NULL',
  )
  return rows.map(({ id }) => id)
}

/** Returns the public ids of accounts that a database records as erased and that were not imported
 * again. */
export const erasedPeople = async (db: Pick<Queries, 'all'>): Promise<readonly string[]> => {
  const rows = await db.all<{ public_id: string }>(
    `SELECT public_id
     FROM (
       SELECT public_id FROM erasure
       UNION
       SELECT subject FROM audit_event WHERE action = 'account.erase' AND result = 'success'
     ) AS erased
     WHERE public_id IS NOT NULL AND public_id NOT IN (SELECT public_id FROM account)`,
  )
  return rows.map((row) => row.public_id)
}

/** The first schema in which accounts can wait to be admitted. */
const ADMISSION_SCHEMA = 9

/** The first schema in which accounts can end. */
const END_DATE_SCHEMA = 16

/** When an account ends. */
export type EndDate = { readonly publicId: string; readonly endsAtMs: number }

/** Returns the end dates of all accounts that have one. */
export const endDates = async (
  db: Pick<ReadOnlyDatabase, 'all' | 'schemaVersion'>,
): Promise<readonly EndDate[]> => {
  if (db.schemaVersion < END_DATE_SCHEMA) return []
  const rows = await db.all<{ public_id: string; ends_at_ms: number }>(
    'SELECT public_id, ends_at_ms FROM account WHERE ends_at_ms IS NOT NULL',
  )
  return rows.map((row) => ({ publicId: row.public_id, endsAtMs: row.ends_at_ms }))
}

/** Returns the public ids of accounts that wait to be admitted. */
export const waitingPeople = async (
  db: Pick<ReadOnlyDatabase, 'all' | 'schemaVersion'>,
): Promise<readonly string[]> => {
  if (db.schemaVersion < ADMISSION_SCHEMA) return []
  const rows = await db.all<{ public_id: string }>(
    'SELECT public_id FROM account WHERE admitted_at_ms IS NULL',
  )
  return rows.map((row) => row.public_id)
}
