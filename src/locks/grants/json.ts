import { ROLE_NAMES, grantSentence } from '../../domain/text/grant-words.ts'
import { occurrences, wordsOf } from '../rules/explain.ts'
import type { Grant, Home } from '../rules/grant.ts'
import { ALWAYS, type GrantTerms } from '../rules/terms.ts'
import { conditionsJson, timeJson } from './conditions.ts'
import { type Holder, holderFrom } from './holder.ts'
import type { GrantJson } from './schema.ts'
import { grantStateOf } from './state.ts'
import type { GrantLocks, StoredGrant } from './reads-store.ts'

/** The clock and calendar that grants are shown by. */
export type Shown = { readonly home: Home; readonly nowMs: number }

/** Returns a grant as admins, owners and the command line see it. */
export const grantJson = (stored: StoredGrant, shown: Shown): GrantJson => {
  const holder = holderOf(stored)
  const grant = asGrant(stored)
  return {
    id: stored.id,
    holder: holderJson(stored, shown.nowMs),
    locks: labelsOf(stored.locks),
    ...conditionsJson(grant),
    used: stored.uses,
    words: holder ? sentenceOf({ ...stored, who: whoOf(holder, stored), grant }, shown) : ERASED,
    version: stored.version,
    state: grantStateOf(stored, shown.nowMs),
    occurs: occursJson(grant, stored.holderEndsAtMs, shown),
    made_at: new Date(stored.createdAtMs).toISOString(),
    revoked_at: timeJson(stored.revokedAtMs),
    suspended_at: timeJson(stored.suspendedAtMs),
    key: stored.key,
    made_by: stored.madeBy,
    why: stored.revokedWhy,
  }
}

const ERASED = 'A grant of a person who has been erased'

/** Returns a grant as a member sees it: without admins' notes, and without anything about others who share it. */
export const ownGrantJson = (stored: StoredGrant, shown: Shown): GrantJson => {
  const json = grantJson(stored, shown)
  const isShared = json.holder !== null && 'role' in json.holder
  return { ...json, used: isShared ? null : json.used, key: null, made_by: null, why: null }
}

type Preview = {
  /** The holder in words. */
  readonly who: string
  readonly holderEndsAtMs: number | null
  readonly locks: GrantLocks
  readonly conditions: GrantTerms
}

/** Returns what people check before they create a grant. */
export const previewJson = ({ conditions, ...preview }: Preview, shown: Shown) => {
  const grant: Grant = { ...UNUSED, ...conditions }
  return {
    words: sentenceOf({ ...preview, grant }, shown),
    occurs: occursJson(grant, preview.holderEndsAtMs, shown),
  }
}

const UNUSED = {
  id: '',
  version: 1,
  uses: 0,
  revokedAtMs: null,
  suspendedAtMs: null,
  usedAtMs: null,
  usedBy: null,
}

export const holderOf = ({ holder }: Pick<StoredGrant, 'holder'>): Holder | undefined =>
  holder === null ? undefined : holderFrom(holder)

/** Once the person is erased, there are no terms and nothing to show. */
export const asGrant = (stored: StoredGrant): Grant => ({
  ...stored,
  terms: stored.terms ?? ALWAYS.terms,
})

export const labelsOf = (locks: GrantLocks) =>
  locks === 'all' ? locks : locks.map(({ label }) => label)

const holderJson = (stored: StoredGrant, nowMs: number): GrantJson['holder'] => {
  const holder = holderOf(stored)
  if (!holder) return null
  if ('role' in holder) return holder
  if ('pass' in holder)
    return {
      pass: {
        id: holder.pass,
        label: stored.pass?.label ?? null,
        devices_max: stored.pass?.devicesMax ?? 1,
      },
    }
  const disabled = stored.isHolderDisabled || (stored.holderEndsAtMs ?? Infinity) <= nowMs
  return { account: holder.account, username: stored.username ?? '', disabled }
}

/** Returns a holder in words. */
const whoOf = (
  holder: Holder,
  { username, pass }: Pick<StoredGrant, 'username' | 'pass'>,
): string => {
  if ('role' in holder) return ROLE_NAMES[holder.role]
  return ('pass' in holder ? pass?.label : username) ?? ''
}

type Told = Pick<Preview, 'who' | 'locks'> & { readonly grant: Grant }

const sentenceOf = ({ who, locks, grant }: Told, shown: Shown): string => {
  const names = locks === 'all' ? locks : locks.map(({ name }) => name)
  return grantSentence(who, names, wordsOf(grant, shown))
}

const occursJson = (grant: Grant, holderEndsAtMs: number | null, { home, nowMs }: Shown) =>
  occurrences(grant, { home, nowMs, holder: { endsAtMs: holderEndsAtMs } }).map(
    ({ fromMs, untilMs }) => ({
      from: new Date(fromMs).toISOString(),
      until: untilMs === Infinity ? null : new Date(untilMs).toISOString(),
    }),
  )
