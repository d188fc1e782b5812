import { type RecordAuditEvent, type Role, type AuditEvent, hasRole } from '../http/access.ts'
import {
  type Actor,
  attempt,
  managedPerson,
  requireAnotherOwner,
  requireAnotherPerson,
} from './authority.ts'
import { type ChangeStore, type Changes, RESET_MINUTES, type Standing } from './change-store.ts'
import type { Erasures } from './erasure.ts'
import { codeHash, newCode } from './typed-code.ts'

export type Administration = ReturnType<typeof administration>

type Dependencies = {
  readonly store: Pick<ChangeStore, 'transaction'>
  readonly erasures: Pick<Erasures, 'erase'>
  readonly record: RecordAuditEvent
  readonly now: () => number
}

type Act = { readonly by: Actor; readonly publicId: string }
type Change = Act & {
  readonly role?: Role | undefined
  readonly disabled?: boolean | undefined
}

/** What admins and owners, and whoever commands the gateway, do to other people's accounts. */
export const administration = ({ store, erasures, record, now }: Dependencies) => ({
  /** Gives a role, disables or enables. A lower role and disabling end the person's sessions. */
  change: (change: Change): Promise<void> => {
    const { by, publicId, role, disabled } = change
    const action = role === undefined ? disabling(disabled) : 'account.role'
    return attempt({ record, by, event: { action, subject: publicId } }, async () => {
      await store.transaction(async (changes, tx) => {
        const person = await managedPerson(changes, change)
        const events = [
          ...(await giveRole(changes, person, role)),
          ...(await disable(changes, person, disabled)),
        ]
        for (const event of events)
          await record(by, { ...event, result: 'success', subject: publicId }, tx)
      })
    })
  },

  /** Makes the code with which a person chooses a new password; it is told once, and voids the one
   * before. */
  beginReset: ({ by, publicId }: Act): Promise<Reset> => {
    const event = { action: 'password.reset_begin', subject: publicId }
    return attempt({ record, by, event }, async () => {
      requireAnotherPerson(by, publicId)
      const code = newCode()
      const expiresAtMs = now() + RESET_MINUTES * 60_000
      await store.transaction(async (changes, tx) => {
        const person = await managedPerson(changes, { by, publicId })
        const madeBy = by.account?.publicId
        await changes.saveReset(person.id, { codeHash: codeHash(code), expiresAtMs, madeBy })
        await record(by, { ...event, result: 'success' }, tx)
      })
      return { code, expiresAtMs }
    })
  },

  erase: ({ by, publicId }: Act): Promise<void> =>
    attempt({ record, by, event: { action: 'account.erase', subject: publicId } }, () => {
      requireAnotherPerson(by, publicId)
      return erasures.erase(by, (changes) => managedPerson(changes, { by, publicId }))
    }),
})

type Reset = { readonly code: string; readonly expiresAtMs: number }

type Changed = readonly Omit<AuditEvent, 'result'>[]

const giveRole = async (
  changes: Changes,
  person: Standing,
  role: Role | undefined,
): Promise<Changed> => {
  if (role === undefined || role === person.role) return []
  if (!hasRole({ role }, person.role)) {
    await requireAnotherOwner(changes, person)
    await changes.endSessions(person.id)
  }
  await changes.setRole(person.id, role)
  // Whoever made a code for a member must not take over the owner that they have become.
  await changes.endReset(person.id)
  return [{ action: 'account.role', detail: { from: person.role, to: role } }]
}

const disable = async (
  changes: Changes,
  person: Standing,
  disabled: boolean | undefined,
): Promise<Changed> => {
  if (disabled === undefined || disabled === person.isDisabled) return []
  if (disabled) {
    await requireAnotherOwner(changes, person)
    await changes.endSessions(person.id)
    await changes.endReset(person.id)
  }
  await changes.setDisabled(person.id, disabled)
  return [{ action: disabling(disabled) }]
}

const disabling = (disabled: boolean | undefined) =>
  disabled === true ? 'account.disable' : 'account.enable'
