import type { Role } from '../../../domain/account.ts'

export const ROLES: readonly {
  readonly value: Role
  readonly label: string
  readonly description: string
}[] = [
  {
    value: 'member',
    label: 'Member',
    description: 'Records unlocks and sees their own.',
  },
  {
    value: 'admin',
    label: 'Admin',
    description: 'Also sees all unlocks, invites members and manages them.',
  },
  {
    value: 'owner',
    label: 'Owner',
    description: 'Also manages admins and owners, settings and backups, and reads audit events.',
  },
]

export const roleName = (role: Role): string =>
  (ROLES.find(({ value }) => value === role)?.label ?? role).toLowerCase()

/** `an admin`, `a member`. */
export const aRole = (role: Role): string => `${role === 'member' ? 'a' : 'an'} ${roleName(role)}`
