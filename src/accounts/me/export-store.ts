import type { Account } from '../../domain/account.ts'
import type { Queries } from '../../storage/database.ts'

export type ExportStore = ReturnType<typeof exportStore>

/** What the database stores about an account besides its details, sessions, audit events and
 * unlocks, named as in the export. Hashes and secrets say nothing about a person and are left
 * out. */
export const exportStore = (db: Pick<Queries, 'all' | 'get'>) => ({
  of: async ({ id, publicId }: Account) => ({
    registered_from: await registeredFrom(db, id),
    known_clients: (await db.all<{ at: number }>(KNOWN_CLIENTS, id)).map(({ at }) => ({
      logged_in_at: time(at),
    })),
    failed_logins: (await db.all<Failures>(FAILED_LOGINS, id)).map((row) => ({
      address: row.address,
      failures: row.failures,
      failed_at: time(row.failed_at_ms),
      locked_until: row.locked_until_ms === null ? null : time(row.locked_until_ms),
    })),
    second_factor: await secondFactor(db, id),
    password_reset: await passwordReset(db, id),
    invitations_made: (await db.all<Invitation>(INVITATIONS_MADE, publicId)).map((row) => ({
      id: row.id,
      label: row.label,
      unit: row.unit,
      role: row.role,
      made_at: time(row.created_at_ms),
      expires_at: time(row.expires_at_ms),
    })),
  }),
})

const KNOWN_CLIENTS =
  'SELECT logged_in_at_ms AS at FROM known_client WHERE account_id = ? ORDER BY logged_in_at_ms'

const FAILED_LOGINS = `
  SELECT address, failures, failed_at_ms, locked_until_ms
  FROM failed_login WHERE account_id = ? ORDER BY failed_at_ms`

const INVITATIONS_MADE = `
  SELECT id, label, unit, role, created_at_ms, expires_at_ms
  FROM invitation WHERE made_by = ? ORDER BY created_at_ms`

const registeredFrom = async (db: Pick<Queries, 'get'>, accountId: number) => {
  const row = await db.get<{ client: string | null }>(
    'SELECT waiting_client AS client FROM account WHERE id = ?',
    accountId,
  )
  return row?.client ?? null
}

const secondFactor = async (db: Pick<Queries, 'get'>, accountId: number) => {
  const row = await db.get<{ confirmed_at_ms: number; codes: number }>(
    `SELECT confirmed_at_ms, (SELECT count(*) FROM recovery_code WHERE account_id = ?) AS codes
     FROM second_factor WHERE account_id = ? AND confirmed_at_ms IS NOT NULL`,
    accountId,
    accountId,
  )
  return row ? { on_since: time(row.confirmed_at_ms), recovery_codes: row.codes } : null
}

const passwordReset = async (db: Pick<Queries, 'get'>, accountId: number) => {
  const row = await db.get<{ expires_at_ms: number }>(
    'SELECT expires_at_ms FROM password_reset WHERE account_id = ?',
    accountId,
  )
  return row ? { expires_at: time(row.expires_at_ms) } : null
}

const time = (ms: number): string => new Date(ms).toISOString()

type Failures = {
  address: string | null
  failures: number
  failed_at_ms: number
  locked_until_ms: number | null
}

type Invitation = {
  id: string
  label: string
  unit: string | null
  role: string
  created_at_ms: number
  expires_at_ms: number
}
