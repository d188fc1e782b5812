import { useLocation } from 'preact-iso/router'
import { GrantList } from '../../components/door/grant-list.tsx'
import { DoorSections } from '../../components/layout/door-sections.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { withQuery } from '../../api/client.ts'
import { ACCESS, newGrantAddress } from '../../routing/doors.ts'

const STATES = [
  { value: 'now', label: 'Now', empty: 'Nobody may open any door now.' },
  { value: 'later', label: 'Later', empty: 'No rule starts later.' },
  { value: 'ended', label: 'Ended', empty: 'No rule has ended.' },
  { value: 'revoked', label: 'Revoked', empty: 'No rule has been revoked.' },
] as const

/** Who may open which doors and when, one sentence each. */
export const AccessPage = () => {
  const { query } = useLocation()
  const shown = STATES.find(({ value }) => value === query['state']) ?? STATES[0]
  return (
    <Screen title="Access" actions={<DoorSections />} lead="Who may open which doors, and when.">
      <div class="bar-of-choices">
        <nav class="segments" aria-label="Which access">
          {STATES.map(({ value, label }) => (
            <a
              key={value}
              href={withQuery(ACCESS, value === 'now' ? {} : { state: value })}
              aria-current={value === shown.value ? 'page' : undefined}
            >
              {label}
            </a>
          ))}
        </nav>
        <a class="button main" href={newGrantAddress()}>
          Give access
        </a>
      </div>
      <GrantList
        key={shown.value}
        label="Access"
        query={{ state: shown.value }}
        empty={shown.empty}
      />
    </Screen>
  )
}
