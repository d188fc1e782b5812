import type { Role } from '../../domain/account.ts'
import { DAY_MS } from '../../domain/duration.ts'
import type { Queries } from '../../storage/database.ts'
import { type EndClock, isOpen } from '../core/end-date.ts'
import { type InvitationState, invitationState } from './rules.ts'

export type NewInvitation = {
  readonly codeHash: Buffer
  readonly role: Role
  readonly label: string
  /** The unit of the accounts registered with it; null for none. */
  readonly unit: string | null
  /** Public id of the account that creates it; undefined for the command line. */
  readonly madeBy: string | undefined
  readonly lifetimeMs: number
  readonly usesMax: number
  /** Of the request that creates it, if that may be sent again. */
  readonly requestHash: Buffer | undefined
}

/** An account; it has no name once it is erased. */
export type NamedAccount = { readonly publicId: string; readonly username: string | undefined }

export type Invitation = {
  readonly id: string
  readonly role: Role
  readonly label: string
  readonly unit: string | null
  readonly state: InvitationState
  readonly madeBy: NamedAccount | undefined
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly uses: number
  readonly usesMax: number
}

type Added = Pick<Invitation, 'id' | 'expiresAtMs'>

/** An invitation with the accounts registered with it that still exist. */
export type ListedInvitation = Invitation & { readonly accounts: readonly NamedAccount[] }

type InvitationRow = {
  id: string
  role: Role
  label: string
  unit: string | null
  made_by: string | null
  created_at_ms: number
  expires_at_ms: number
  uses: number
  uses_max: number
  revoked_at_ms: number | null
  maker_username: string | null
  maker_role: Role | null
}

/** Invitations, as one transaction or reader sees them. */
export const invitationsIn = (queries: Queries, clock: EndClock) => ({
  add: async (invitation: NewInvitation): Promise<Added> => {
    const createdAtMs = clock.nonDecreasingMs()
    const id = Bun.randomUUIDv7('hex', createdAtMs)
    const expiresAtMs = createdAtMs + invitation.lifetimeMs
    await queries.run(
      `INSERT INTO invitation (
         id,
         code_hash,
         role,
         label,
         unit,
         made_by,
         created_at_ms,
         expires_at_ms,
         uses,
         uses_max,
         request_hash
       ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)`,
      id,
      invitation.codeHash,
      invitation.role,
      invitation.label,
      invitation.unit,
      invitation.madeBy ?? null,
      createdAtMs,
      expiresAtMs,
      invitation.usesMax,
      invitation.requestHash ?? null,
    )
    return { id, expiresAtMs }
  },

  /** Returns the invitation with a code, or undefined if it cannot be used now. */
  findOpen: async (codeHash: Buffer): Promise<Invitation | undefined> => {
    const row = await queries.get<InvitationRow>(
      `${SELECT} WHERE invitation.code_hash = ?`,
      clock.certainMs(),
      codeHash,
    )
    const found = row && invitationOf(row, clock.nonDecreasingMs())
    return found?.state === 'open' ? found : undefined
  },

  find: async (id: string): Promise<Invitation | undefined> => {
    const row = await queries.get<InvitationRow>(
      `${SELECT} WHERE invitation.id = ?`,
      clock.certainMs(),
      id,
    )
    return row && invitationOf(row, clock.nonDecreasingMs())
  },

  /** Returns up to `limit` invitations created before `beforeId`, newest first. */
  page: async (
    beforeId: string | undefined,
    limit: number,
  ): Promise<readonly ListedInvitation[]> => {
    const rows = await queries.all<InvitationRow>(
      `${SELECT} WHERE invitation.id < ? ORDER BY invitation.id DESC LIMIT ?`,
      clock.certainMs(),
      beforeId ?? AFTER_EVERY_ID,
      limit,
    )
    const registered = await queries.all<RegisteredRow>(
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
    const accounts = Map.groupBy(registered, (account) => account.invitation_id)
    const nowMs = clock.nonDecreasingMs()
    return rows.map((row) => ({
      ...invitationOf(row, nowMs),
      accounts: (accounts.get(row.id) ?? []).map(({ public_id: publicId, username }) => ({
        publicId,
        username,
      })),
    }))
  },

  /** Returns when an account created the invitations of the last 24 hours, oldest first. */
  createdLately: async (madeBy: string): Promise<readonly number[]> => {
    const rows = await queries.all<{ at: number }>(
      `SELECT created_at_ms AS at FROM invitation
       WHERE id > ? AND made_by = ?
       ORDER BY created_at_ms`,
      firstIdAt(clock.nonDecreasingMs() - DAY_MS),
      madeBy,
    )
    return rows.map(({ at }) => at)
  },

  /** Returns the invitations of a request that are not revoked. */
  ofRequest: (requestHash: Buffer): Promise<readonly { id: string; uses: number }[]> =>
    queries.all(
      `SELECT id, uses FROM invitation
       WHERE request_hash = ? AND revoked_at_ms IS NULL
       ORDER BY id`,
      requestHash,
    ),

  countUse: async (id: string): Promise<void> => {
    await queries.run('UPDATE invitation SET uses = uses + 1 WHERE id = ?', id)
  },

  revoke: async (id: string): Promise<void> => {
    await queries.run(
      'UPDATE invitation SET revoked_at_ms = coalesce(revoked_at_ms, ?) WHERE id = ?',
      clock.nonDecreasingMs(),
      id,
    )
  },
})

type RegisteredRow = { invitation_id: string; public_id: string; username: string }

/** Sorts before every UUIDv7 of this time or later: RFC 9562 begins it with the milliseconds. */
const firstIdAt = (ms: number): string => {
  const digits = Math.max(ms, 0).toString(16).padStart(12, '0')
  return `${digits.slice(0, 8)}-${digits.slice(8)}`
}

/** Sorts after every UUID. */
const AFTER_EVERY_ID = 'g'

const SELECT = `
  SELECT
    invitation.id,
    invitation.role,
    invitation.label,
    invitation.unit,
    invitation.made_by,
    invitation.created_at_ms,
    invitation.expires_at_ms,
    invitation.uses,
    invitation.uses_max,
    invitation.revoked_at_ms,
    maker.username AS maker_username,
    CASE WHEN ${isOpen('maker')} THEN maker.role END AS maker_role
  FROM invitation
  LEFT JOIN account AS maker ON maker.public_id = invitation.made_by`

const invitationOf = (row: InvitationRow, nowMs: number): Invitation => {
  const { made_by: publicId, maker_username: username, maker_role: role } = row
  const terms = {
    role: row.role,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    uses: row.uses,
    usesMax: row.uses_max,
  }
  const isRevoked = row.revoked_at_ms !== null
  const maker = publicId === null ? undefined : { role: role ?? undefined }
  return {
    ...terms,
    id: row.id,
    label: row.label,
    unit: row.unit,
    state: invitationState({ ...terms, isRevoked, maker }, nowMs),
    madeBy: publicId === null ? undefined : { publicId, username: username ?? undefined },
  }
}
