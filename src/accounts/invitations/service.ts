import { createHash } from 'node:crypto'
import { type Role, mayManage } from '../../domain/account.ts'
import type { Actor, RecordAuditEvent } from '../../domain/audit-event.ts'
import type { AuditIn } from '../../storage/unit-of-work.ts'
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts'
import { AppError } from '../../errors.ts'
import { RateLimitError } from '../../http/errors.ts'
import type { Database, Queries } from '../../storage/database.ts'
import { actingRole, auditRefusals } from '../core/authorization.ts'
import type { EndClock } from '../core/end-date.ts'
import { hashOneTimeCode, newOneTimeCode } from '../core/one-time-code.ts'
import { shownUnit } from '../core/unit.ts'
import { invitationsIn } from './store.ts'

export type Invitations = ReturnType<typeof invitationService>

type Dependencies = {
  readonly db: Database
  readonly auditIn: AuditIn
  readonly record: RecordAuditEvent
  readonly linkTo: (fragment: string) => string
  /** Invitations that an account may create in 24 hours. */
  readonly dailyMax: number
  readonly clock: EndClock
}

/** What an invitation is for. */
export type Terms = {
  readonly role: Role
  readonly label: string
  /** The unit of the accounts registered with it; null for none. */
  readonly unit: string | null
  readonly hours: number
  readonly usesMax: number
}

/** A new invitation, with its code, which cannot be read again. */
export type CreatedInvitation = Terms & {
  readonly id: string
  readonly expiresAtMs: number
  readonly code: string
  readonly link: string
}

export const KEY_IN_USE = 'An invitation of this Idempotency-Key has been used; send a new key'

/** The rules of invitations: who may create, list and revoke them. */
export const invitationService = (deps: Dependencies) => {
  const { db, auditIn, record, linkTo, dailyMax, clock } = deps

  /** Throws RateLimitError if the account would create more than it may in 24 hours. */
  const requireDailyRoom = async (tx: Queries, by: Actor, count: number): Promise<void> => {
    if (!by.account || dailyMax === Infinity) return
    const lately = await invitationsIn(tx, clock).createdLately(by.account.publicId)
    const excess = lately.length + count - dailyMax
    if (excess <= 0) return
    const roomAtMs = (lately[excess - 1] ?? clock.nonDecreasingMs()) + DAY_MS
    const waitMs = roomAtMs - clock.nonDecreasingMs()
    throw new RateLimitError(
      waitMs,
      `An account can create at most ${dailyMax} invitations in 24 hours; try again in ` +
        `${Math.ceil(waitMs / HOUR_MS)} h`,
    )
  }

  const addIn = async (
    tx: Queries,
    by: Actor,
    { terms, requestHash }: { readonly terms: Terms; readonly requestHash: Buffer | undefined },
  ): Promise<CreatedInvitation> => {
    const { role, label, hours, usesMax } = terms
    const unit = terms.unit === null ? null : shownUnit(terms.unit)
    const code = newOneTimeCode()
    const added = await invitationsIn(tx, clock).add({
      codeHash: hashOneTimeCode(code),
      role,
      label,
      unit,
      madeBy: by.account?.publicId,
      lifetimeMs: hours * HOUR_MS,
      usesMax,
      requestHash,
    })
    await auditIn(tx).record(by, {
      action: 'invitation.create',
      result: 'success',
      subject: added.id,
      detail: { role, uses_max: usesMax },
    })
    return { ...terms, ...added, unit, code, link: linkTo(`invitation=${code}`) }
  }

  /** Revokes what the same request created before: its answer, with the codes, did not arrive. */
  const replaceIn = async (tx: Queries, by: Actor, requestHash: Buffer): Promise<void> => {
    const invitations = invitationsIn(tx, clock)
    const before = await invitations.ofRequest(requestHash)
    if (before.some(({ uses }) => uses > 0)) throw new AppError('conflict', KEY_IN_USE)
    for (const { id: subject } of before) {
      await invitations.revoke(subject)
      await auditIn(tx).record(by, { action: 'invitation.revoke', result: 'success', subject })
    }
  }

  /** Creates all of these invitations or none, in their order. The same request under the same key
   * replaces the invitations it created before. Throws `conflict` if one of them was used, and
   * RateLimitError. */
  const create = async (
    by: Actor,
    all: readonly Terms[],
    key?: string,
  ): Promise<readonly CreatedInvitation[]> => {
    const requestHash = key === undefined ? undefined : hashOfRequest(by, all, key)
    const event = { action: 'invitation.create' } as const
    return auditRefusals({ record, by, event }, () =>
      db.transaction(async (tx) => {
        for (const role of new Set(all.map((terms) => terms.role)))
          await requireGrantable(tx, by, role)
        await requireDailyRoom(tx, by, all.length)
        if (requestHash) await replaceIn(tx, by, requestHash)
        const created: CreatedInvitation[] = []
        for (const terms of all) created.push(await addIn(tx, by, { terms, requestHash }))
        return created
      }),
    )
  }

  return {
    create,

    createOne: async (by: Actor, terms: Terms): Promise<CreatedInvitation> => {
      const [created] = await create(by, [terms])
      if (!created) throw new Error('no invitation was created')
      return created
    },

    /** Returns a page, newest first; `next` is the cursor of the next page, if any. */
    page: async (cursor: string | undefined, limit: number) => {
      const found = await invitationsIn(db, clock).page(cursor, limit + 1)
      const page = found.slice(0, limit)
      return { page, next: found.length > limit ? page.at(-1)?.id : undefined }
    },

    /** Accounts registered with it stay. Throws `not_found`. */
    revoke: (by: Actor, id: string): Promise<void> => {
      const event = { action: 'invitation.revoke', subject: id } as const
      return auditRefusals({ record, by, event }, () =>
        db.transaction(async (tx) => {
          const invitations = invitationsIn(tx, clock)
          const found = await invitations.find(id)
          if (!found) throw new AppError('not_found', 'No such invitation')
          await requireGrantable(tx, by, found.role)
          await invitations.revoke(id)
          await auditIn(tx).record(by, { ...event, result: 'success' })
        }),
      )
    },
  }
}

const hashOfRequest = (by: Actor, all: readonly Terms[], key: string): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([by.account?.publicId, key, all]))
    .digest()

/** Throws `forbidden` unless `by` may manage accounts of the role: an invitation must not grant more
 * than its creator could. */
const requireGrantable = async (tx: Queries, by: Actor, role: Role): Promise<void> => {
  const actorRole = await actingRole(tx, by)
  if (!actorRole || !mayManage(actorRole, role))
    throw new AppError('forbidden', 'Admins can only invite members')
}
