import type { Role } from '../../../domain/account.ts'

export const ROLES: readonly {
  readonly value: Role
  readonly label: string
  readonly description: string
}[] = [
  {
    value: 'member',
    label: 'Member',
    description: 'Opens the doors they have access to, and sees their own unlocks.',
  },
  {
    value: 'admin',
    label: 'Admin',
    description:
      'Also sees all unlocks, sets up doors, and invites members, manages them and gives them access.',
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
