import type { Role } from '../../../domain/account.ts'
import { withQuery } from '../api/client.ts'
import { ROLES } from '../words/role.ts'

/** The filter of the list of people, as the address has it. */
export type PeopleFilter = {
  readonly text: string
  readonly role: Role | ''
  readonly disabled: 'true' | 'false' | ''
  readonly admitted: 'true' | 'false' | ''
  readonly unit: string
}

/** The people who wait to be let in, without those who were refused. */
export const WAITING = { admitted: 'false', disabled: 'false' } as const

const PEOPLE = '/console/people'

/** Reads the filter from an address, and leaves out invalid values. */
export const peopleFilter = ({
  text = '',
  role,
  disabled,
  admitted,
  unit = '',
}: Readonly<Record<string, string>>): PeopleFilter => ({
  text: text.trim(),
  role: ROLES.find(({ value }) => value === role)?.value ?? '',
  disabled: flag(disabled),
  admitted: flag(admitted),
  unit: unit.trim(),
})

const flag = (value: string | undefined): 'true' | 'false' | '' =>
  value === 'true' || value === 'false' ? value : ''

/** The address of the list under a filter. */
export const peopleAddress = (filter: Partial<PeopleFilter> = {}): string =>
  withQuery(PEOPLE, filter)

/** The address of a person's page. */
export const personAddress = (id: string): string => `${PEOPLE}/${id}`
