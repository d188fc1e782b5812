import type { Static } from '@sinclair/typebox'
import type { ListAnswer } from '../../../unlocks/read-schema.ts'
import { List } from '../components/list.tsx'
import { Screen } from '../components/screen.tsx'
import { Time } from '../components/time.tsx'
import { usePages } from '../load.ts'
import { role } from '../session.ts'

type Opening = Static<typeof ListAnswer>['unlocks'][number]

/** Who opened the door; a member sees their own openings. */
export const LogPage = () => {
  const pages = usePages<Opening>('/v1/unlocks', { limit: 50 }, 'unlocks')
  const isMember = role.value === 'member'
  return (
    <Screen title={isMember ? 'My openings' : 'Log'}>
      <List
        label="Openings"
        pages={pages}
        keyOf={({ seq }) => seq}
        row={(event) => (
          <div class="row">
            <strong>{event.username ?? 'Erased'}</strong>
            <span>{event.method ?? ''}</span>
            <Time at={event.received_at} />
          </div>
        )}
        empty="Nobody has opened the door yet. The phone app records each opening here."
      />
    </Screen>
  )
}
