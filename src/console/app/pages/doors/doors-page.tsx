import { useState } from 'preact/hooks'
import { containing } from '../../../../domain/text/folded-text.ts'
import { type Door, type Doors, type Lockdown, isInUse, loadDoors } from '../../api/doors.ts'
import { lockdownOf, useLockdowns } from '../../api/doors/lockdown.ts'
import { useLoad } from '../../api/load.ts'
import { useRefreshSignal, useReloadOn } from '../../api/refresh.ts'
import { me, role } from '../../api/session.ts'
import { DoorCard } from '../../components/door/door-card.tsx'
import { DoorState } from '../../components/door/door-state.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Field } from '../../components/form/field.tsx'
import { DoorSections } from '../../components/layout/door-sections.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { Section } from '../../components/layout/section.tsx'
import { doorAddress } from '../../routing/doors.ts'
import { isAtLeast } from '../../routing/sections.ts'

import { AddDoor, NotSetUp } from './add-door.tsx'
import { BeginLockdown, EndLockdown } from './lockdown.tsx'

/** Every door: whether it is open to you, who opened it last, and a button. */
export const DoorsPage = () => {
  const loaded = useLoad('doors', loadDoors)
  const lockdowns = useLockdowns()
  const refresh = useRefreshSignal(undefined)
  const reload = (): void => {
    loaded.reload()
    lockdowns.reload()
  }
  useReloadOn(refresh, reload)
  const isAdmin = isAtLeast(role.value, 'admin')
  const ofHome = lockdowns.data?.find(({ lock }) => lock === null)
  const changed = (message: string): void => {
    showToast(message)
    document.querySelector('h1')?.focus()
    reload()
  }
  return (
    <Screen title="Doors" actions={<DoorSections />}>
      <WhenLoaded what="doors" loaded={loaded}>
        {(doors) => (
          <>
            {isAdmin && ofHome && (
              <Section title="Lockdown">
                <EndLockdown lockdown={ofHome} onChange={changed} />
              </Section>
            )}
            <InUse
              doors={doors.locks.filter(isInUse)}
              lockdowns={lockdowns.data ?? []}
              refresh={refresh}
              onChange={reload}
            />
            {isAdmin && (
              <>
                <div class="actions below">
                  <AddDoor doors={doors} onAdded={reload} />
                  {!ofHome && <BeginLockdown onChange={changed} />}
                </div>
                <NotSetUp doors={doors} onAdded={reload} />
                <Retired doors={doors.locks.filter((door) => !isInUse(door))} />
              </>
            )}
          </>
        )}
      </WhenLoaded>
    </Screen>
  )
}

/** More doors than these are a list. */
const CARDS_MAX = 12

type InUseProps = {
  readonly doors: Doors['locks']
  readonly lockdowns: readonly Lockdown[]
  readonly refresh: number
  readonly onChange: () => void
}

const InUse = ({ doors, lockdowns, refresh, onChange }: InUseProps) => {
  if (doors.length === 0) return <p class="empty">{noDoors()}</p>
  if (doors.length > CARDS_MAX) return <ManyDoors doors={doors} lockdowns={lockdowns} />
  return (
    <div class="doors">
      {doors.map((door) => (
        <DoorCard
          key={door.label}
          door={door}
          lockdown={lockdownOf(door, lockdowns)}
          isLinked
          refresh={refresh}
          onDecided={onChange}
        />
      ))}
    </div>
  )
}

/** People who wait see no doors. */
const noDoors = (): string =>
  me.value?.admitted === false
    ? 'You see the doors once an owner or admin lets you in.'
    : 'There are no doors yet.'

const ManyDoors = ({ doors, lockdowns }: Pick<InUseProps, 'doors' | 'lockdowns'>) => {
  const [text, setText] = useState('')
  const matches = containing(text)
  const found = doors.filter(({ name, label }) => matches(name) || matches(label))
  return (
    <>
      <div class="filters" role="search">
        <Field
          label="Search"
          type="search"
          autocomplete="off"
          value={text}
          onValue={setText}
          hint="Part of a name"
        />
      </div>
      <ul class="list" aria-label="Doors">
        {found.map((door) => (
          <li key={door.label}>
            <a class="row" href={doorAddress(door.label)}>
              <strong>{door.name}</strong>
              <DoorState door={door} lockdown={lockdownOf(door, lockdowns)} />
            </a>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="empty">No matches.</p>}
    </>
  )
}

const Retired = ({ doors }: { readonly doors: readonly Door[] }) =>
  doors.length > 0 && (
    <details class="retired">
      <summary>Retired doors</summary>
      <ul class="list" aria-label="Retired doors">
        {doors.map(({ label, name }) => (
          <li key={label}>
            <a class="row" href={doorAddress(label)}>
              <strong>{name}</strong>
              <span class="quiet">{label}</span>
            </a>
          </li>
        ))}
      </ul>
    </details>
  )
