import { guestRefusal } from '../../../domain/text/guest-words.ts'
import { type Pass, houseNowMs } from './gateway/api.ts'
import { create } from './parts/elements.ts'
import type { Note } from './parts/note.ts'
import { coming, differsHere, span } from './parts/times.ts'

const MINUTE_MS = 60_000

/** Who lets the guest in. */
export const title = ({ host }: Pass): string =>
  host === null ? 'You are let in' : `${host} lets you in`

/** The doors of a pass, in a sentence: `Front door and Garage`. */
export const doorNames = ({ doors }: Pass): string => {
  const names = doors.map(({ name }) => name)
  const last = names[names.length - 1] ?? ''
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`
}

/** When a pass opens the doors, and how often. */
export const terms = (pass: Pass): HTMLElement => {
  const { label, words, occurs, uses, home_zone: zone } = pass
  const nowMs = houseNowMs()
  const openings = occurs
    // That it is open for good is said above.
    .filter(({ from, until }) => until !== null || Date.parse(from) > nowMs + MINUTE_MS)
    .map(({ from, until }) => create('li', '', span(from, until, zone)))
  return create(
    'dl',
    'sheet',
    row('Pass for', label),
    row('When', words),
    openings.length > 0 ? row('Next', create('ol', '', ...openings)) : undefined,
    uses ? row('Visits', `${uses.number} of ${uses.max} used`) : undefined,
    differsHere(zone, nowMs) ? row('Time zone', `Times at the house (${zone})`) : undefined,
  )
}

const row = (name: string, value: string | HTMLElement): HTMLElement =>
  create('div', '', create('dt', '', name), create('dd', '', value))

/** What keeps a pass from opening doors now, or undefined. */
export const stateOf = (pass: Pass): Note | undefined => {
  const { state, host, next_at: nextAt, starts_at: startsAt, home_zone: zone } = pass
  if (state === 'now' && nextAt === null) return undefined
  // The gateway looks for openings within a year.
  const until = nextAt ?? (state === 'later' ? startsAt : null)
  const opens = until && coming(until, houseNowMs(), zone)
  const words = guestRefusal(REASONS[state], { host, opens })
  return { words, tone: until === null ? 'bad' : undefined, until }
}

const REASONS = {
  now: 'outside_schedule',
  later: 'not_yet_valid',
  ended: 'expired',
  revoked: 'revoked',
  suspended: 'suspended',
} as const
