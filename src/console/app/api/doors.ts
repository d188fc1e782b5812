import type { Static } from '@sinclair/typebox'
import type { AccessAnswer, DecisionAnswer } from '../../../locks/decisions/schema.ts'
import type { GrantAnswer } from '../../../locks/grants/schema.ts'
import type { HolidaysAnswer, LockdownAnswer } from '../../../locks/home/schema.ts'
import type { LocksAnswer } from '../../../locks/registry/schema.ts'
import { doorNames } from '../words/door-name.ts'
import { api, withQuery } from './client.ts'

export type Doors = Static<typeof LocksAnswer>

/** A lock as the caller sees it; the console calls it a door. */
export type Door = Doors['locks'][number]

/** The answer to an attempt to open a door. */
export type Decision = Static<typeof DecisionAnswer>

export type Lockdown = Static<typeof LockdownAnswer>['lockdowns'][number]
export type Holiday = Static<typeof HolidaysAnswer>['holidays'][number]

/** A grant; the console calls it a rule. */
export type Grant = Static<typeof GrantAnswer>
export type Opening = Grant['occurs'][number]
export type Window = NonNullable<Grant['windows']>[number]
export type Day = Window['days'][number]

/** Local times of day such as `09:00`; an end that is not after the start is on the next day. */
export type Hours = Omit<Window, 'days'>

/** Why somebody may open a door, or may not. */
export type Explanation = Static<typeof AccessAnswer>
export type ExplainedGrant = Explanation['grants'][number]

/** Loads the doors, in the order of their names. */
export const loadDoors = async (signal?: AbortSignal): Promise<Doors> => {
  const doors = await api.get<Doors>('/v1/locks', signal ? { signal } : {})
  doorNames.value = new Map(doors.locks.map(({ label, name }) => [label, name]))
  return { ...doors, locks: [...doors.locks].sort(byName) }
}

const NAMES = new Intl.Collator(undefined, { numeric: true })
const byName = (one: Door, other: Door): number => NAMES.compare(one.name, other.name)

export const isInUse = ({ state }: Door): boolean => state !== 'retired'

/** Explains whether somebody may open a door at a time; without a time, now. */
export const explain = (
  label: string,
  query: { readonly holder: string; readonly at?: string },
  signal: AbortSignal,
): Promise<Explanation> =>
  api.get(withQuery(`/v1/locks/${encodeURIComponent(label)}/access`, query), { signal })
