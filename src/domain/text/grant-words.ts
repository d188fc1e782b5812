// Words that people read about grants, on the gateway and in browsers. Some browsers lack Temporal, so times
// are local times of the home, such as `2027-03-31T13:00`.
import type { DecisionReason } from '../access.ts'
import type { Role } from '../account.ts'
import { DAY_MS } from '../duration.ts'

type Times = { readonly from: string; readonly until: string }

/** The terms of a grant, with dates in local time of the home. */
export type GrantInWords = {
  /** Null for always. */
  readonly windows: readonly (Times & { readonly days: readonly string[] })[] | null
  readonly holidays: 'ignore' | 'closed' | readonly Times[]
  readonly homeNetwork: boolean
  readonly startsAt: string | null
  readonly endsAt: string | null
  readonly usesMax: number | null
}

/** Returns the terms of a grant in words: `Tue and Thu 09:00-13:00, closed on holidays · until 31 March`.
 * `now`, in local time of the home, decides which years are left out. */
export const grantWords = (grant: GrantInWords, now: string): string =>
  [
    hoursWords(grant),
    datesWords(grant, now),
    grant.usesMax === null ? '' : usesWords(grant.usesMax),
    grant.homeNetwork ? 'only on the home network' : '',
  ]
    .filter(Boolean)
    .join(' · ')

/** Returns a grant as a sentence: `Eva · Front door · Tue and Thu 09:00-13:00 · until 31 March`. */
export const grantSentence = (
  holder: string,
  locks: readonly string[] | 'all',
  words: string,
): string => [holder, locks === 'all' ? 'All doors' : locksWords(locks), words].join(' · ')

/** What a sentence begins with if a grant is for everybody of a role. */
export const ROLE_NAMES: Readonly<Record<Role, string>> = {
  member: 'All members',
  admin: 'All admins',
  owner: 'All owners',
}

const LOCKS_NAMED_MAX = 3

const locksWords = (names: readonly string[]): string => {
  if (names.length <= LOCKS_NAMED_MAX + 1) return listed(names)
  const more = names.length - LOCKS_NAMED_MAX
  return listed([...names.slice(0, LOCKS_NAMED_MAX), `${more} more doors`])
}

/** Joins names within a sentence: `Ada, Ben and Cleo`. */
export const listed = (items: readonly string[]): string =>
  items.length < 2
    ? items.join('')
    : `${items.slice(0, -1).join(', ')} and ${String(items[items.length - 1])}`

const usesWords = (uses: number): string => ['once', 'twice'][uses - 1] ?? `${uses} times`

/** Empty for `always` where a date or a number of visits contradicts the word. */
const hoursWords = ({ windows, holidays, startsAt, endsAt, usesMax }: GrantInWords): string => {
  const hours = windows === null ? ALWAYS : windowsWords(windows)
  const isLimited = startsAt !== null || endsAt !== null || usesMax !== null
  if (hours === ALWAYS && holidays === 'ignore' && isLimited) return ''
  return [hours, ...holidayWords(holidays)].join(', ')
}

const ALWAYS = 'always'

const holidayWords = (holidays: GrantInWords['holidays']): readonly string[] => {
  if (holidays === 'ignore') return []
  return [holidays === 'closed' ? 'closed on holidays' : `on holidays ${timesWords(holidays)}`]
}

/** Merges windows with the same times, and days with the same windows. */
const windowsWords = (windows: NonNullable<GrantInWords['windows']>): string => {
  const timesOfDay = DAYS.map((day) =>
    timesWords(windows.filter(({ days }) => days.includes(day)).sort(byBeginning)),
  )
  const parts = [...new Set(timesOfDay)]
    .filter((times) => times !== '')
    .map((times) => `${daysWords(timesOfDay.map((other) => other === times))} ${times}`)
  return parts.length === 1 && parts[0] === `every day ${ALL_DAY}` ? ALWAYS : parts.join(', ')
}

const byBeginning = (left: Times, right: Times): number => (left.from < right.from ? -1 : 1)

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const DAY_NAMES = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']

/** Three or more days in a row are written as `Mon-Fri`. */
const daysWords = (isIncluded: readonly boolean[]): string => {
  if (isIncluded.every(Boolean)) return 'every day'
  const runs: string[][] = []
  for (const [index, name] of DAY_NAMES.entries()) {
    if (!isIncluded[index]) continue
    if (index > 0 && isIncluded[index - 1]) runs[runs.length - 1]?.push(name)
    else runs.push([name])
  }
  return listed(
    runs.flatMap((run) =>
      run.length > 2 ? [`${String(run[0])}-${String(run[run.length - 1])}`] : run,
    ),
  )
}

const ALL_DAY = 'all day'

const timesWords = (times: readonly Times[]): string =>
  listed([
    ...new Set(
      times.map(({ from, until }) =>
        from === '00:00' && (until === '24:00' || until === '00:00') ? ALL_DAY : `${from}-${until}`,
      ),
    ),
  ])

const datesWords = ({ startsAt, endsAt }: GrantInWords, now: string): string => {
  if (startsAt === null) return endsAt === null ? '' : `until ${endWords(endsAt, now)}`
  const beginning = beginningWords(startsAt, now)
  if (endsAt === null) return `from ${beginning}`
  const isOneDay = dateWords(startsAt, now) === endWords(endsAt, now)
  if (isMidnight(startsAt) && isOneDay) return `on ${beginning}`
  return startsAt.slice(0, 10) === endsAt.slice(0, 10) && !isMidnight(startsAt)
    ? `on ${beginning}-${endsAt.slice(11, 16)}`
    : `from ${beginning} until ${endWords(endsAt, now)}`
}

const beginningWords = (time: string, now: string): string =>
  isMidnight(time) ? dateWords(time, now) : `${dateWords(time, now)} ${time.slice(11, 16)}`

/** An end at midnight is written as the day before, which is included. */
const endWords = (time: string, now: string): string =>
  isMidnight(time)
    ? dateWords(new Date(msOf(time) - DAY_MS).toISOString(), now)
    : beginningWords(time, now)

const isMidnight = (time: string): boolean => time.slice(11, 16) === '00:00'

const MONTHS =
  'January February March April May June July August September October November December'.split(' ')

const msOf = (time: string): number => Date.parse(`${time.slice(0, 16)}Z`)

/** Dates in the last month and the next nine months are written without the year. */
export const dateWords = (time: string, now: string): string => {
  const days = (msOf(time) - msOf(now)) / DAY_MS
  const day = `${Number(time.slice(8, 10))} ${String(MONTHS[Number(time.slice(5, 7)) - 1])}`
  return days > -30 && days < 270 ? day : `${day} ${time.slice(0, 4)}`
}

/** Returns when a door opens next: `Opens Saturday 15:00.` */
const opensWords = (time: string, now: string): string => {
  const days = Math.floor(msOf(time) / DAY_MS) - Math.floor(msOf(now) / DAY_MS)
  const weekday = String(WEEKDAYS[new Date(msOf(time)).getUTCDay()])
  const clock = time.slice(11, 16)
  if (days === 0) return `Opens today at ${clock}.`
  if (days === 1) return `Opens tomorrow at ${clock}.`
  return days < 7
    ? `Opens ${weekday} ${clock}.`
    : `Opens ${weekday} ${dateWords(time, now)} ${clock}.`
}

const WEEKDAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

type Refusal = {
  /** For the person at the door. */
  readonly toHolder: string
  /** For anyone who asks why: about one grant, or about the person. */
  readonly why: string
}

/** The words of a refusal that does not say when the door opens. */
const REFUSALS: Readonly<Record<DecisionReason, Refusal>> = {
  lock_disabled: {
    toHolder: 'This door is closed to everyone right now.',
    why: 'The door is switched off or retired.',
  },
  holder_disabled: {
    toHolder: 'Your account is disabled. Ask an owner.',
    why: 'The account is disabled or has ended.',
  },
  not_admitted: {
    toHolder: 'An owner has to let you in first.',
    why: 'Nobody has let this account in yet.',
  },
  lockdown: {
    toHolder: 'The door is locked down: only owners may open it.',
    why: 'The door is locked down.',
  },
  device_revoked: {
    toHolder: 'This phone was removed from the pass. Ask the person who gave it to you.',
    why: 'This phone was removed from the pass.',
  },
  bad_signature: {
    toHolder: 'This phone is not the one that the pass is tied to.',
    why: 'The signature was not that of the phone that the pass is tied to.',
  },
  replayed: {
    toHolder: 'This request was used before. Press again.',
    why: 'The signed request had been used before.',
  },
  another_device: {
    toHolder: 'This pass is in use on another phone. Ask the person who gave it to you.',
    why: 'The pass was tried on one phone too many.',
  },
  no_grant: {
    toHolder: 'No rule lets you open this door.',
    why: 'No rule covers this person and this door.',
  },
  revoked: { toHolder: 'You may no longer open this door.', why: 'This rule was revoked.' },
  suspended: {
    toHolder: 'This pass is switched off. Ask the person who gave it to you.',
    why: 'This pass is switched off, because its maker may no longer open the door.',
  },
  expired: {
    toHolder: 'Your access to this door has ended.',
    why: 'This rule has ended.',
  },
  not_yet_valid: {
    toHolder: 'You may not open this door yet.',
    why: 'This rule has not started yet.',
  },
  closed_on_holiday: {
    toHolder: 'Closed for the holiday.',
    why: 'This rule is closed on this holiday.',
  },
  outside_schedule: {
    toHolder: 'You may not open this door at this time.',
    why: 'This is outside the hours of this rule.',
  },
  clock_uncertain: {
    toHolder: 'The gateway does not know the time. Try again in ten minutes, or ask an owner.',
    why: 'The gateway is not sure of the time.',
  },
  not_on_home_network: {
    toHolder: 'This works only on the home network. Connect to the home Wi-Fi.',
    why: 'The phone is not on the home network.',
  },
  uses_spent: {
    toHolder: 'You have used all your visits to this door.',
    why: 'All visits of this rule are used up.',
  },
}

/** Reasons for which the next opening says enough. */
const TIMED: ReadonlySet<DecisionReason> = new Set(['expired', 'not_yet_valid', 'outside_schedule'])

/** Returns what the person at the door reads, with the next opening, if there is one. */
export const refusalWords = (
  reason: DecisionReason,
  nextAt: string | null,
  now: string,
): string => {
  const { toHolder } = REFUSALS[reason]
  if (nextAt === null) return toHolder
  const opens = opensWords(nextAt, now)
  return TIMED.has(reason) ? opens : `${toHolder} ${opens}`
}

/** Returns why a rule does not let someone in, for anyone who asks. */
export const whyWords = (reason: DecisionReason): string => REFUSALS[reason].why

/** Returns by how much a change of the clocks makes an opening shorter or longer than it looks, such as "an hour
 * shorter, as the clocks change", or undefined if none falls into it or it takes more than two days. `from` and
 * `until` are local times (`2027-03-27T22:00`). */
export const clockChangeWords = (
  from: string,
  until: string,
  lengthMs: number,
): string | undefined => {
  const shownMs = Date.parse(`${until}Z`) - Date.parse(`${from}Z`)
  const minutes = Math.round((lengthMs - shownMs) / MINUTE_MS)
  // The local times lack their seconds.
  if (Math.abs(minutes) <= 1 || shownMs > TWO_DAYS_MS) return undefined
  const by = Math.abs(minutes) === 60 ? 'an hour' : `${Math.abs(minutes)} minutes`
  return `${by} ${minutes < 0 ? 'shorter' : 'longer'}, as the clocks change`
}

const MINUTE_MS = 60_000
const TWO_DAYS_MS = 48 * 60 * MINUTE_MS
