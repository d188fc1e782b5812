import type { Static } from '@sinclair/typebox'
import type { PeopleAnswer } from '../../../accounts/people/schema.ts'
import { api } from './client.ts'
import { useLoad } from './load.ts'
import type { Person } from './person.ts'

/** People and roles, as the text of a holder has them: `account:<id>`, `role:member`. */
export type Holders = {
  readonly people: readonly Person[]
  /** What to call a holder within a sentence. */
  readonly nameOf: (holder: string) => string
}

const PEOPLE_MAX = 200

/** Names of roles within a sentence; a grant for a role holds for higher roles too. */
export const ROLE_HOLDERS = [
  { value: 'role:member', label: 'All members, admins and owners' },
  { value: 'role:admin', label: 'All admins and owners' },
  { value: 'role:owner', label: 'All owners' },
] as const

/** Loads who may hold a grant. Members do not see other people. */
export const useHolders = (isAdmin: boolean): Holders => {
  const { data } = useLoad(`holders ${isAdmin}`, async (signal) => {
    if (!isAdmin) return []
    const query = { limit: PEOPLE_MAX }
    return (await api.get<Static<typeof PeopleAnswer>>('/v1/people', { query, signal })).people
  })
  const people = [...(data ?? [])].sort((one, other) => one.username.localeCompare(other.username))
  const nameOf = (holder: string): string =>
    people.find(({ id }) => holder === `account:${id}`)?.username ??
    ROLE_HOLDERS.find(({ value }) => value === holder)?.label.toLowerCase() ??
    'this person'
  return { people, nameOf }
}
