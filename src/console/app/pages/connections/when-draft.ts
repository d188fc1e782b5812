import type { When } from '../../api/targets.ts'
import { isAtDoors, isOfPeople } from '../../words/when.ts'

/** A "when" as it is typed. */
export type WhenDraft = {
  readonly on: When['on']
  readonly locks: readonly string[]
  readonly people: readonly string[]
  readonly hasHours: boolean
  readonly from: string
  readonly to: string
}

export const NEW_WHEN: WhenDraft = {
  on: 'unlocked',
  locks: [],
  people: [],
  hasHours: false,
  from: '22:00',
  to: '06:00',
}

export const draftOf = ({ on, locks = [], people = [], hours }: When): WhenDraft => ({
  ...NEW_WHEN,
  on,
  locks,
  people,
  hasHours: hours !== undefined,
  ...hours,
})

/** Returns what the API takes. */
export const whenOf = ({ on, locks, people, hasHours, from, to }: WhenDraft): When => ({
  on,
  ...(isAtDoors({ on }) && locks.length > 0 ? { locks: [...locks] } : {}),
  ...(isOfPeople({ on }) && people.length > 0 ? { people: [...people] } : {}),
  ...(hasHours ? { hours: { from, to } } : {}),
})
