import { conditionsJson } from './conditions.ts'
import { type Holder, holderText } from './holder.ts'
import { asGrant, labelsOf } from './json.ts'
import type { StoredGrant } from './reads-store.ts'

/** The audit actions of a guest's grant are those of the pass. */
export const ACTIONS = {
  grant: {
    make: 'grant.make',
    change: 'grant.change',
    revoke: 'grant.revoke',
    suspend: 'grant.suspend',
  },
  pass: {
    make: 'pass.make',
    change: 'pass.change',
    revoke: 'pass.revoke',
    suspend: 'grant.suspend',
  },
} as const

/** The holder of a grant, as audit events name it. */
export const subjectOf = (holder: Holder | undefined): string => {
  if (!holder) return 'erased'
  return 'account' in holder ? holder.account : holderText(holder)
}

/** The id whose erasure blanks the records about a holder. */
export const personOf = (holder: Holder | undefined): string | null => {
  if (!holder || 'role' in holder) return null
  return 'account' in holder ? holder.account : holder.pass
}

/** What a leaf commits to: everything that is granted, and to whom. */
export const recordBody = (grant: StoredGrant) => ({
  grant: grant.id,
  version: grant.version,
  holder: grant.holder,
  locks: labelsOf(grant.locks),
  ...conditionsJson(asGrant(grant)),
  ...(grant.revokedAtMs === null ? {} : { why: grant.revokedWhy }),
})
