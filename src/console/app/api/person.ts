import type { Static } from '@sinclair/typebox'
import type { PeopleAnswer } from '../../../accounts/people/schema.ts'
import { me, role } from './session.ts'

export type Person = Static<typeof PeopleAnswer>['people'][number]

/** Whether the account that is logged in may change this one; the gateway decides the same way. */
export const mayManage = (person: Person): boolean =>
  role.value === 'owner' || (role.value === 'admin' && person.role === 'member')

/** Whether the account that is logged in may see and end the sessions and lockouts of this one. */
export const mayActOn = (person: Person): boolean =>
  role.value === 'owner' || (role.value === 'admin' && person.role !== 'owner')

export const isMyself = (person: Person): boolean => person.id === me.value?.id
