import { type Door, explain, isInUse, loadDoors } from '../../api/doors.ts'
import { useLoad } from '../../api/load.ts'
import { role } from '../../api/session.ts'
import { newGrantAddress, whyAddress } from '../../routing/doors.ts'
import { isAtLeast } from '../../routing/sections.ts'
import { Time } from '../../time/time.tsx'
import { WhenLoaded } from '../feedback/when-loaded.tsx'
import { Section } from '../layout/section.tsx'
import { GrantList } from './grant-list.tsx'

/** More doors than these are not asked about one by one. */
const DOORS_MAX = 12

type Props = {
  /** Another person; without one, it is about yourself. */
  readonly person?: { readonly id: string; readonly username: string }
  /** The account, as the text of a holder has it. */
  readonly holder: string
}

/** Which doors somebody may open now or next, and by which grants. */
export const MayOpen = ({ person, holder }: Props) => {
  const isAdmin = isAtLeast(role.value, 'admin')
  const loaded = useLoad(`may open ${holder}`, async (signal) => {
    const doors = (await loadDoors(signal)).locks.filter(isInUse).slice(0, DOORS_MAX)
    return Promise.all(
      doors.map(async (door) => ({ door, ...(await explain(door.label, { holder }, signal)) })),
    )
  })
  return (
    <Section title={person ? 'May open' : 'What I may open'}>
      <WhenLoaded what="doors" loaded={loaded}>
        {(doors) =>
          doors.length === 0 ? (
            <p class="quiet">No doors yet.</p>
          ) : (
            <ul class="list" aria-label="Doors">
              {doors.map((state) => (
                <li key={state.door.label}>
                  <Row {...state} holder={holder} />
                </li>
              ))}
            </ul>
          )
        }
      </WhenLoaded>
      <h3>{person ? `Given to ${person.username}` : 'Given to me'}</h3>
      <GrantList
        label="Access"
        query={{ state: 'now', ...(isAdmin ? { holder } : {}) }}
        empty={isAdmin ? 'Nothing by name. Rules for their role apply too.' : 'Nothing yet.'}
      />
      {person && isAdmin && (
        <p>
          <a href={newGrantAddress({ holder })}>Give {person.username} access</a>
        </p>
      )}
    </Section>
  )
}

type RowProps = {
  readonly door: Door
  readonly decision: 'permitted' | 'denied'
  readonly next_at: string | null
  readonly holder: string
}

const Row = ({ door: { label, name }, decision, next_at: nextAt, holder }: RowProps) => (
  <a class="row" href={whyAddress(label, { holder })}>
    <strong>{name}</strong>
    <span class="end">
      {decision === 'permitted' ? (
        'open now'
      ) : nextAt === null ? (
        'not open'
      ) : (
        <>
          opens <Time at={nextAt} format="coming" />
        </>
      )}
    </span>
  </a>
)
