import type { Account, Role } from '../../domain/account.ts'
import type { Recording } from '../../domain/audit-event.ts'
import type { Database, Queries } from '../../storage/database.ts'
import { type InvitationState, invitationState } from './rules.ts'
import { type NewAccount, insertAccount } from '../core/store.ts'

export type InvitationStore = ReturnType<typeof invitationStore>

type NewInvitation = {
  readonly codeHash: Buffer
  readonly role: Role
  readonly label: string
  /** Public id; nobody for the gateway's command line. */
  readonly madeBy: string | undefined
  readonly lifetimeMs: number
  readonly usesMax: number
}

/** A person, without a name once the account is gone. */
export type Named = { readonly publicId: string; readonly username: string | undefined }

export type Invitation = {
  readonly id: string
  readonly role: Role
  readonly label: string
  readonly state: InvitationState
  readonly madeBy: Named | undefined
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly uses: number
  readonly usesMax: number
}

type Added = Pick<Invitation, 'id' | 'expiresAtMs'>

/** An invitation with the accounts that it made, as far as they are still there. */
export type ListedInvitation = Invitation & { readonly accounts: readonly Named[] }

type Redeemed = { readonly account: Account; readonly invitationId: string }

type Stored = {
  id: string
  role: Role
  label: string
  made_by: string | null
  created_at_ms: number
  expires_at_ms: number
  uses: number
  uses_max: number
  revoked_at_ms: number | null
  maker_username: string | null
  maker_role: Role | null
}

/** Invitations in the database. */
export const invitationStore = (db: Database, now: () => number) => {
  const findOpen = async (queries: Pick<Queries, 'get'>, codeHash: Buffer) => {
    const row = await queries.get<Stored>(`${SELECT} WHERE invitation.code_hash = ?`, codeHash)
    const found = row && invitation(row, now())
    return found?.state === 'open' ? found : undefined
  }

  return {
    add: (made: NewInvitation, record: Recording<string>): Promise<Added> =>
      db.transaction(async (tx) => {
        const at = now()
        const id = Bun.randomUUIDv7('hex', at)
        const expiresAtMs = at + made.lifetimeMs
        await tx.run(
          `INSERT INTO invitation (
           id,
           code_hash,
           role,
           label,
           made_by,
           created_at_ms,
           expires_at_ms,
           uses,
           uses_max
         ) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)`,
          id,
          made.codeHash,
          made.role,
          made.label,
          made.madeBy ?? null,
          at,
          expiresAtMs,
          made.usesMax,
        )
        await record(id, tx)
        return { id, expiresAtMs }
      }),

    isOpen: async (codeHash: Buffer): Promise<boolean> =>
      (await findOpen(db, codeHash)) !== undefined,

    /** Adds the person in the invitation's role and counts the use, both or neither. */
    redeem: (
      codeHash: Buffer,
      person: NewAccount,
      record: Recording<Redeemed>,
    ): Promise<'redeemed' | 'not_open' | 'name_taken'> =>
      db.transaction(async (tx) => {
        const found = await findOpen(tx, codeHash)
        if (!found) return 'not_open'
        const { id, role } = found
        const account = await insertAccount(tx, { ...person, role, invitationId: id }, now())
        if (!account) return 'name_taken'
        await tx.run('UPDATE invitation SET uses = uses + 1 WHERE id = ?', id)
        await record({ account, invitationId: id }, tx)
        return 'redeemed'
      }),

    find: async (id: string): Promise<Invitation | undefined> => {
      const row = await db.get<Stored>(`${SELECT} WHERE invitation.id = ?`, id)
      return row && invitation(row, now())
    },

    /** Up to `limit` invitations that were made before `beforeId`, the newest first. */
    page: async (
      beforeId: string | undefined,
      limit: number,
    ): Promise<readonly ListedInvitation[]> => {
      const rows = await db.all<Stored>(
        `${SELECT} WHERE invitation.id < ? ORDER BY invitation.id DESC LIMIT ?`,
        beforeId ?? BEYOND_ALL,
        limit,
      )
      const made = await db.all<{ invitation_id: string; public_id: string; username: string }>(
        `SELECT
           invitation_id,
           public_id,
           username
         FROM account
         WHERE invitation_id BETWEEN ? AND ?
         ORDER BY id`,
        rows.at(-1)?.id ?? '',
        rows[0]?.id ?? '',
      )
      const accounts = Map.groupBy(made, (one) => one.invitation_id)
      return rows.map((row) => ({
        ...invitation(row, now()),
        accounts: (accounts.get(row.id) ?? []).map(({ public_id: publicId, username }) => ({
          publicId,
          username,
        })),
      }))
    },

    revoke: (id: string, record: Recording<string>): Promise<void> =>
      db.transaction(async (tx) => {
        await tx.run(
          'UPDATE invitation SET revoked_at_ms = coalesce(revoked_at_ms, ?) WHERE id = ?',
          now(),
          id,
        )
        await record(id, tx)
      }),
  }
}

/** Sorts behind every UUID. */
const BEYOND_ALL = 'g'

const SELECT = `
  SELECT
    invitation.id,
    invitation.role,
    invitation.label,
    invitation.made_by,
    invitation.created_at_ms,
    invitation.expires_at_ms,
    invitation.uses,
    invitation.uses_max,
    invitation.revoked_at_ms,
    maker.username AS maker_username,
    CASE WHEN maker.disabled_at_ms IS NULL THEN maker.role END AS maker_role
  FROM invitation
  LEFT JOIN account AS maker ON maker.public_id = invitation.made_by`

const invitation = (row: Stored, nowMs: number): Invitation => {
  const { made_by: publicId, maker_username: username, maker_role: role } = row
  const terms = {
    role: row.role,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    uses: row.uses,
    usesMax: row.uses_max,
  }
  return {
    ...terms,
    id: row.id,
    label: row.label,
    state: invitationState(
      {
        ...terms,
        isRevoked: row.revoked_at_ms !== null,
        maker: publicId === null ? undefined : { role: role ?? undefined },
      },
      nowMs,
    ),
    madeBy: publicId === null ? undefined : { publicId, username: username ?? undefined },
  }
}
