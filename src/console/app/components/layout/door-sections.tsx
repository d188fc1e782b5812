import { useLocation } from 'preact-iso/router'
import { role } from '../../api/session.ts'
import { ACCESS, DOORS, HOLIDAYS } from '../../routing/doors.ts'
import { isAtLeast } from '../../routing/sections.ts'

const PAGES = [
  [DOORS, 'Doors'],
  [ACCESS, 'Access'],
  [HOLIDAYS, 'Holidays'],
] as const

/** The pages about doors; members see only the first one. */
export const DoorSections = () => {
  const { path } = useLocation()
  if (!isAtLeast(role.value, 'admin')) return null
  return (
    <nav class="segments" aria-label="Doors">
      {PAGES.map(([address, label]) => (
        <a key={address} href={address} aria-current={path === address ? 'page' : undefined}>
          {label}
        </a>
      ))}
    </nav>
  )
}
