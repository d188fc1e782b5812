import type { Static } from '@sinclair/typebox'
import type { PeopleAnswer } from '../../accounts/people/schema.ts'
import type { Role } from '../../domain/account.ts'
import { withQuery } from './api.ts'
import type { Choice } from './components/choices.tsx'
import { me, role } from './session.ts'

export type Person = Static<typeof PeopleAnswer>['people'][number]

export const ROLES: readonly Choice<Role>[] = [
  { value: 'member', is: 'Member', means: 'Opens the door, and sees their own openings.' },
  {
    value: 'admin',
    is: 'Admin',
    means: 'Sees all openings, invites members and looks after them.',
  },
  {
    value: 'owner',
    is: 'Owner',
    means: 'Everything else too: admins and owners, settings, backups, the audit trail.',
  },
]

export const roleWord = (of: Role): string => ROLES.find(({ value }) => value === of)?.is ?? of

/** Whether this page’s person may change another, as the gateway will judge it. */
export const mayManage = (person: Person): boolean =>
  role.value === 'owner' || (role.value === 'admin' && person.role === 'member')

export const isMyself = (person: Person): boolean => person.id === me.value?.id

const PEOPLE = '/console/people'

/** Whom the list is narrowed to, as it stands in the address. */
export type PeopleFilter = {
  readonly text: string
  readonly role: Role | ''
  readonly disabled: 'true' | 'false' | ''
}

/** The filter of an address; what makes no sense is left out. */
export const peopleFilter = ({
  text = '',
  role: held,
  disabled,
}: Readonly<Record<string, string>>): PeopleFilter => ({
  text: text.trim(),
  role: ROLES.find(({ value }) => value === held)?.value ?? '',
  disabled: disabled === 'true' || disabled === 'false' ? disabled : '',
})

/** Where the people stand under a filter. */
export const peopleAddress = (filter: Partial<PeopleFilter> = {}): string =>
  withQuery(PEOPLE, filter)

/** The page of a person. */
export const personAddress = (id: string): string => `${PEOPLE}/${id}`
