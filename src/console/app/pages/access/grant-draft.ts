import type { Day, Grant, Hours, Window } from '../../api/doors.ts'
import { addDays, clockIn, dayIn } from '../../time/zone.ts'

/** A day and a time of day, as fields have them; an empty time stands for the bound of the day. */
type Moment = { readonly day: string; readonly clock: string }

/** A grant as the fields of its form hold it. */
export type GrantDraft = {
  /** The text of a holder; empty as long as none is chosen. */
  readonly holder: string
  readonly isForAllDoors: boolean
  /** The labels of the doors that are chosen one by one. */
  readonly doors: readonly string[]
  readonly isWeekly: boolean
  readonly windows: readonly Window[]
  readonly starts: Moment
  readonly ends: Moment
  readonly uses: string
  readonly holidays: 'ignore' | 'closed' | 'own'
  /** The hours of holidays, if they have hours of their own. */
  readonly holidayHours: readonly Hours[]
  readonly isHomeOnly: boolean
}

export const DAY_NAMES: readonly (readonly [Day, string])[] = [
  ['mon', 'Monday'],
  ['tue', 'Tuesday'],
  ['wed', 'Wednesday'],
  ['thu', 'Thursday'],
  ['fri', 'Friday'],
  ['sat', 'Saturday'],
  ['sun', 'Sunday'],
]

export const NEW_WINDOW: Window = {
  days: ['mon', 'tue', 'wed', 'thu', 'fri'],
  from: '08:00',
  until: '18:00',
}
export const NEW_HOURS: Hours = { from: '10:00', until: '16:00' }

const NO_MOMENT: Moment = { day: '', clock: '' }

/** A draft that gives access at any time, or until the end of `lastDay`. */
export const newDraft = ({
  holder = '',
  lock,
  lastDay = '',
}: {
  holder?: string
  lock?: string | undefined
  lastDay?: string
}): GrantDraft => ({
  holder,
  isForAllDoors: false,
  doors: lock ? [lock] : [],
  isWeekly: false,
  windows: [NEW_WINDOW],
  starts: NO_MOMENT,
  ends: { ...NO_MOMENT, day: lastDay },
  uses: '',
  holidays: 'ignore',
  holidayHours: [NEW_HOURS],
  isHomeOnly: false,
})

/** The draft that changes a grant. */
export const draftOf = (grant: Grant, zone: string): GrantDraft => {
  const { locks, windows, holidays, starts_at: starts, ends_at: ends } = grant
  return {
    holder: holderOf(grant),
    isForAllDoors: locks === 'all',
    doors: locks === 'all' ? [] : locks,
    isWeekly: windows !== null,
    windows: windows ?? [NEW_WINDOW],
    starts: starts === null ? NO_MOMENT : startOf(Date.parse(starts), zone),
    ends: ends === null ? NO_MOMENT : endOf(Date.parse(ends), zone),
    uses: grant.uses === null ? '' : String(grant.uses),
    holidays: typeof holidays === 'string' ? holidays : 'own',
    holidayHours: typeof holidays === 'string' ? [NEW_HOURS] : holidays,
    isHomeOnly: grant.home_network,
  }
}

/** The text of the holder; empty for an erased person. */
const holderOf = ({ holder }: Grant): string => {
  if (holder === null) return ''
  if ('account' in holder) return `account:${holder.account}`
  return 'role' in holder ? `role:${holder.role}` : GUEST + (holder.pass.label ?? '')
}

const MIDNIGHT = '00:00'

const startOf = (ms: number, zone: string): Moment => {
  const clock = clockIn(zone, ms)
  return { day: dayIn(zone, ms), clock: clock === MIDNIGHT ? '' : clock }
}

/** An end at midnight is the end of the day before. */
const endOf = (ms: number, zone: string): Moment => {
  const clock = clockIn(zone, ms)
  return clock === MIDNIGHT
    ? { day: dayIn(zone, ms - 1), clock: '' }
    : { day: dayIn(zone, ms), clock }
}

/** What the API takes of a draft. Times are local ones, which the gateway reads in the zone of the home. */
export const grantBody = (draft: GrantDraft) => {
  const { starts, ends, uses, holidays } = draft
  return {
    locks: draft.isForAllDoors ? ('all' as const) : draft.doors,
    windows: draft.isWeekly ? draft.windows : null,
    starts_at: starts.day === '' ? null : `${starts.day}T${starts.clock || MIDNIGHT}`,
    ends_at: ends.day === '' ? null : endText(ends),
    uses: uses === '' ? null : Number(uses),
    holidays: holidays === 'own' ? draft.holidayHours : holidays,
    home_network: draft.isHomeOnly,
  }
}

const endText = ({ day, clock }: Moment): string =>
  clock === '' ? `${addDays(day, 1)}T${MIDNIGHT}` : `${day}T${clock}`

/** What differs between two drafts, as the API takes it. Fields that nobody touched keep their exact times. */
export const changesFrom = (before: GrantDraft, after: GrantDraft): Partial<GrantBody> => {
  const [old, wanted] = [grantBody(before), grantBody(after)]
  const names = (Object.keys(wanted) as (keyof GrantBody)[]).filter(
    (name) => JSON.stringify(old[name]) !== JSON.stringify(wanted[name]),
  )
  return Object.fromEntries(names.map((name) => [name, wanted[name]]))
}

type GrantBody = ReturnType<typeof grantBody>

/** What the text of a holder begins with if it is a guest; the guest's name follows. */
export const GUEST = 'pass:'

/** The holder as the API takes it in a body. */
export const holderBody = (holder: string) => {
  if (holder.startsWith(GUEST)) return { pass: { label: holder.slice(GUEST.length).trim() } }
  const [kind = '', name = ''] = holder.split(':')
  return { [kind]: name }
}

/** What is missing before a draft can be previewed. */
export const missingIn = ({ holder, isForAllDoors, doors }: GrantDraft): string | undefined => {
  if (!isForAllDoors && doors.length === 0 && !isNobody(holder)) return 'Choose at least one door.'
  if (holder === '') return 'Choose a person or role.'
  return isNobody(holder) ? 'Enter the name of your guest.' : undefined
}

/** Whether nobody has been chosen or named yet. */
export const isNobody = (holder: string): boolean =>
  holder === '' || (holder.startsWith(GUEST) && holder.slice(GUEST.length).trim() === '')
