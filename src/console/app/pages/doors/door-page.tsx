import { useRoute } from 'preact-iso/router'
import { useState } from 'preact/hooks'
import { type Door, type Lockdown, isInUse, loadDoors } from '../../api/doors.ts'
import { useLoad, usePages } from '../../api/load.ts'
import { lockdownOf, useLockdowns } from '../../api/doors/lockdown.ts'
import { useRefreshSignal, useReloadOn } from '../../api/refresh.ts'
import { role } from '../../api/session.ts'
import { DoorCard } from '../../components/door/door-card.tsx'
import { GrantList } from '../../components/door/grant-list.tsx'
import { Note } from '../../components/feedback/states.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { Section } from '../../components/layout/section.tsx'
import { List } from '../../components/list/list.tsx'
import { UnlockItem } from '../../components/list/unlock-row.tsx'
import { DOORS, newGrantAddress, whyAddress } from '../../routing/doors.ts'
import { logAddress } from '../../routing/log-filter.ts'
import { isAtLeast } from '../../routing/sections.ts'
import { withoutRepeats } from '../../words/repeats.ts'
import type { Unlock } from '../../words/unlock.ts'
import { DoorSettings } from './door-settings.tsx'
import { HowOpened } from './how-opened.tsx'
import { DoorLockdown } from './lockdown.tsx'

/** One door: what happened at it, who may open it, and what an admin can do with it. */
export const DoorPage = () => {
  const { label = '' } = useRoute().params
  const loaded = useLoad('doors', loadDoors)
  const lockdowns = useLockdowns()
  const refresh = useRefreshSignal(undefined)
  const reload = (): void => {
    loaded.reload()
    lockdowns.reload()
  }
  useReloadOn(refresh, reload)
  const door = loaded.data?.locks.find((lock) => lock.label === label)
  return (
    <Screen
      title={door?.name ?? 'Door'}
      lead={
        <a href={DOORS}>
          <span aria-hidden="true">← </span>All doors
        </a>
      }
    >
      <WhenLoaded what="door" loaded={loaded}>
        {() =>
          door ? (
            <Parts
              key={label}
              door={door}
              lockdowns={lockdowns.data ?? []}
              refresh={refresh}
              onChange={reload}
            />
          ) : (
            <p>There is no such door, or you may not see it.</p>
          )
        }
      </WhenLoaded>
    </Screen>
  )
}

type Props = {
  readonly door: Door
  readonly lockdowns: readonly Lockdown[]
  readonly refresh: number
  readonly onChange: () => void
}

const Parts = ({ door, lockdowns, refresh, onChange }: Props) => {
  const [decisions, setDecisions] = useState(0)
  const isAdmin = isAtLeast(role.value, 'admin')
  return (
    <>
      {door.state === 'retired' && (
        <Note>This door is retired for good. Its history stays in the log.</Note>
      )}
      <DoorCard
        door={door}
        lockdown={lockdownOf(door, lockdowns)}
        refresh={refresh}
        onDecided={() => {
          setDecisions((before) => before + 1)
          onChange()
        }}
      />
      {isInUse(door) && <WhoMayOpen door={door} />}
      <History door={door} refresh={refresh + decisions} />
      {isAdmin && isInUse(door) && (
        <>
          <HowOpened door={door} refresh={refresh} onChange={onChange} />
          <DoorLockdown lockdowns={lockdowns} door={door} onChange={onChange} />
          <DoorSettings door={door} onChange={onChange} />
        </>
      )}
    </>
  )
}

const WhoMayOpen = ({ door: { label } }: { readonly door: Door }) => {
  const isAdmin = isAtLeast(role.value, 'admin')
  return (
    <Section title={isAdmin ? 'Who may open it' : 'When you may open it'}>
      <GrantList
        label={isAdmin ? 'Who may open it' : 'When you may open it'}
        query={{ lock: label, state: 'now' }}
        empty={isAdmin ? 'Nobody may open it yet.' : 'You have no access to this door.'}
      />
      <p class="links-in-line">
        {isAdmin && <a href={newGrantAddress({ lock: label })}>Give access</a>}
        <a href={whyAddress(label)}>{isAdmin ? 'May somebody open it? Why?' : 'Why?'}</a>
      </p>
    </Section>
  )
}

const ROWS = 10

const History = ({ door: { label }, refresh }: Pick<Props, 'door' | 'refresh'>) => {
  const pages = usePages<Unlock>('/v1/unlocks', { lock: label, limit: ROWS }, 'unlocks')
  useReloadOn(refresh, pages.reload)
  return (
    <Section title="What happened">
      <List
        label="What happened"
        pages={{ ...pages, rows: pages.rows && withoutRepeats(pages.rows), more: undefined }}
        keyOf={({ seq }) => seq}
        row={(unlock) => <UnlockItem unlock={unlock} />}
        empty="Nothing yet."
      />
      <p>
        <a href={logAddress({ lock: label })}>All in the log</a>
      </p>
    </Section>
  )
}
