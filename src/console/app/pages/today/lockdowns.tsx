import { useLockdowns } from '../../api/doors/lockdown.ts'
import { useReloadOn } from '../../api/refresh.ts'
import { LockdownWords } from '../../components/door/door-state.tsx'
import { Section } from '../../components/layout/section.tsx'
import { DOORS, doorAddress } from '../../routing/doors.ts'
import { capital } from '../../words/capital.ts'
import { doorName } from '../../words/door-name.ts'

/** Says what is locked down, so that nobody forgets it, and leads to where it is ended. */
export const Lockdowns = ({ refresh }: { readonly refresh: number }) => {
  const { data = [], reload } = useLockdowns()
  useReloadOn(refresh, reload)
  if (data.length === 0) return null
  return (
    <Section title="Lockdown">
      {data.map((lockdown) => (
        <p key={lockdown.lock}>
          <a href={lockdown.lock === null ? DOORS : doorAddress(lockdown.lock)}>
            {lockdown.lock === null ? 'All doors' : capital(doorName(lockdown.lock))}
          </a>
          : <LockdownWords lockdown={lockdown} />.
        </p>
      ))}
    </Section>
  )
}
