import type { Role } from '../../../domain/account.ts'
import { withQuery } from '../api/client.ts'
import { ROLES } from '../words/role.ts'

/** The filter of the list of people, as the address has it. */
export type PeopleFilter = {
  readonly text: string
  readonly role: Role | ''
  readonly disabled: 'true' | 'false' | ''
}

const PEOPLE = '/console/people'

/** Reads the filter from an address, and leaves out invalid values. */
export const peopleFilter = ({
  text = '',
  role,
  disabled,
}: Readonly<Record<string, string>>): PeopleFilter => ({
  text: text.trim(),
  role: ROLES.find(({ value }) => value === role)?.value ?? '',
  disabled: disabled === 'true' || disabled === 'false' ? disabled : '',
})

/** The address of the list under a filter. */
export const peopleAddress = (filter: Partial<PeopleFilter> = {}): string =>
  withQuery(PEOPLE, filter)

/** The address of a person's page. */
export const personAddress = (id: string): string => `${PEOPLE}/${id}`
