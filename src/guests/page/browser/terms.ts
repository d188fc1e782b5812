import { type Pass, houseNowMs } from './gateway/api.ts'
import { guestRefusal } from '../../../domain/text/guest-words.ts'
import { create } from './parts/elements.ts'
import type { Note } from './parts/note.ts'
import { coming, differsHere, span } from './parts/times.ts'

/** When a pass opens the doors, and how often. */
export const terms = ({ words, occurs, uses, home_zone: zone }: Pass): HTMLElement => {
  const openings = occurs.flatMap(({ from, until }) =>
    from === null ? [] : [create('li', '', span(from, until, zone))],
  )
  const list = create('dl', 'sheet', ...row('When', create('p', '', words)))
  if (openings.length > 0) list.append(...row('Next', create('ol', '', ...openings)))
  if (uses) list.append(...row('Visits', create('p', '', `${uses.number} of ${uses.max} used`)))
  if (differsHere(zone, houseNowMs()))
    list.append(...row('Clock', create('p', '', `Times at the house (${zone})`)))
  return list
}

const row = (name: string, value: HTMLElement): readonly HTMLElement[] => [
  create('dt', '', name),
  create('dd', '', value),
]

/** Who lets the guest in. */
export const title = ({ host }: Pass): string =>
  host === null ? 'You are let in' : `${host} lets you in`

/** The doors of a pass, in a sentence: `Front door and Garage`. */
export const doorNames = ({ doors }: Pass): string => {
  const names = doors.map(({ name }) => name)
  const last = names[names.length - 1] ?? ''
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`
}

/** What keeps a pass from opening doors now, or undefined. */
export const stateOf = ({
  state,
  host,
  next_at: nextAt,
  home_zone: zone,
}: Pass): Note | undefined => {
  if (state === 'now' && nextAt === null) return undefined
  const opens = nextAt && coming(nextAt, houseNowMs(), zone)
  const reason = REASONS[state]
  return { words: guestRefusal(reason, { host, opens }), tone: 'bad', until: nextAt }
}

const REASONS = {
  now: 'outside_schedule',
  later: 'not_yet_valid',
  ended: 'expired',
  revoked: 'revoked',
  suspended: 'suspended',
} as const
