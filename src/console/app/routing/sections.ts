import type { Role } from '../../../domain/account.ts'
import { CONNECTIONS } from './connections.ts'
import { ACCESS, DOORS, HOLIDAYS } from './doors.ts'
import { GUESTS } from './guests.ts'

/** A section of the console, as the navigation lists it. */
export type AppSection = {
  readonly path: string
  readonly label: string
  /** Where other pages of the section begin. */
  readonly others?: readonly string[]
  /** The lowest role that sees it. */
  readonly role: Role
  /** The strokes of its icon, in a box of 24. */
  readonly icon: string
}

const SECTIONS: readonly AppSection[] = [
  { path: '/console', label: 'Today', role: 'admin', icon: 'M4 11l8-7 8 7v9h-5v-6H9v6H4z' },
  {
    path: DOORS,
    others: [ACCESS, HOLIDAYS],
    label: 'Doors',
    role: 'member',
    icon: 'M5 21V4l9-1.5V21M14 4h5v17M3 21h18M11 12h.01',
  },
  {
    path: '/console/log',
    label: 'Log',
    role: 'member',
    icon: 'M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01',
  },
  {
    path: '/console/people',
    label: 'People',
    role: 'admin',
    icon: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-3.5 3-6 6.5-6s6.5 2.5 6.5 6M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.5c2 .8 3.5 2.8 3.5 5.5',
  },
  {
    path: GUESTS,
    label: 'Guests',
    role: 'admin',
    icon: 'M3 8a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2v2a2 2 0 0 0 0 4v2a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2v-2a2 2 0 0 0 0-4zM14 6v2M14 11v2M14 16v2',
  },
  {
    path: '/console/invitations',
    label: 'Invitations',
    role: 'admin',
    icon: 'M3 6h18v12H3zM3 7l9 7 9-7',
  },
  {
    path: CONNECTIONS,
    label: 'Connections',
    role: 'owner',
    icon: 'M10 14a4 4 0 0 0 5.7 0l3.3-3.3a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 0-5.7 0L5 13.3A4 4 0 0 0 10.7 19L12 17.7',
  },
  {
    path: '/console/security',
    label: 'Security',
    role: 'admin',
    icon: 'M12 3l8 3v6c0 4.5-3.2 7.5-8 9-4.8-1.5-8-4.5-8-9V6zM9 12l2 2 4-4',
  },
  {
    path: '/console/myself',
    label: 'Myself',
    role: 'member',
    icon: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c0-4 3.4-6.5 7.5-6.5s7.5 2.5 7.5 6.5',
  },
]

const RANKS: Readonly<Record<Role, number>> = { member: 0, admin: 1, owner: 2 }

export const isAtLeast = (held: Role, needed: Role): boolean => RANKS[held] >= RANKS[needed]

/** The sections that a role sees; `mayHaveGuests` shows members theirs. A member's log has only their own
 * unlocks. */
export const sectionsFor = (role: Role, mayHaveGuests: boolean): readonly AppSection[] =>
  SECTIONS.filter(
    (section) => isAtLeast(role, section.role) || (section.path === GUESTS && mayHaveGuests),
  ).map((section) =>
    role === 'member' && section.path === '/console/log'
      ? { ...section, label: 'My unlocks' }
      : section,
  )
