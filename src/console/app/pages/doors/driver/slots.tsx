import { useRef, useState } from 'preact/hooks'
import { api } from '../../../api/client.ts'
import type { Door } from '../../../api/doors.ts'
import { type Slot, doorPath, loadSlots } from '../../../api/doors/driver.ts'
import { useHolders } from '../../../api/holders.ts'
import { useLoad } from '../../../api/load.ts'
import { showToast } from '../../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../../components/feedback/when-loaded.tsx'
import { Action } from '../../../components/form/action.tsx'
import { Button } from '../../../components/form/button.tsx'
import { Confirm } from '../../../components/form/dialog.tsx'
import { Field } from '../../../components/form/field.tsx'
import { Select } from '../../../components/form/select.tsx'
import { Section } from '../../../components/layout/section.tsx'
import { Time } from '../../../time/time.tsx'

type Props = {
  readonly door: Door
  /** What a slot is called in this kind of lock. */
  readonly hint: string
}

/** The slots of a lock: who its codes and fingers belong to, so that the log can name them. */
export const Slots = ({ door, hint }: Props) => {
  const loaded = useLoad(`slots ${door.label}`, (signal) => loadSlots(door, signal))
  const holders = useHolders(true)
  const [isAsked, setAsked] = useState(false)
  const heading = useRef<HTMLHeadingElement>(null)
  const nameOf = (account: string): string => holders.nameOf(`account:${account}`)
  const changed = (message: string): void => {
    showToast(message)
    heading.current?.focus()
    loaded.reload()
  }
  return (
    <Section
      title="Who has which code"
      lead="The lock reports codes and fingers as numbers. Assign them, and the log says who came."
      heading={heading}
    >
      <WhenLoaded what="codes" loaded={loaded}>
        {(slots) =>
          slots.length === 0 ? (
            <p class="quiet">None yet.</p>
          ) : (
            <ul class="list" aria-label="Who has which code">
              {slots.map((slot) => (
                <li key={`${slot.slot} ${slot.valid_from}`} class="row with-action">
                  <SlotWords slot={slot} name={nameOf(slot.account)} />
                  {!hasEnded(slot) && (
                    <Action
                      label={`Take back: ${slot.slot}`}
                      onAct={async () => {
                        await api.delete(`${doorPath(door)}/slots/${slot.slot}`)
                        changed(`Code ${slot.slot} is nobody’s now.`)
                      }}
                    >
                      Take back
                    </Action>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </WhenLoaded>
      <Button onClick={() => setAsked(true)}>Add a code</Button>
      <AddSlot
        door={door}
        hint={hint}
        people={holders.people.map(({ id, username }) => ({ value: id, label: username }))}
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onAdded={() => changed('Saved.')}
      />
    </Section>
  )
}

const hasEnded = ({ valid_to: to }: Slot): boolean => to !== null && Date.parse(to) <= Date.now()

const SlotWords = ({ slot, name }: { readonly slot: Slot; readonly name: string }) => (
  <span>
    <strong>{name}</strong> has code {slot.slot}{' '}
    <span class="quiet">
      since <Time at={slot.valid_from} format="printed" />
      {slot.valid_to !== null && (
        <>
          {' '}
          until <Time at={slot.valid_to} format="printed" />
        </>
      )}
    </span>
  </span>
)

type AddProps = Props & {
  readonly people: readonly { readonly value: string; readonly label: string }[]
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly onAdded: () => void
}

const AddSlot = ({ door, hint, people, isOpen, onClose, onAdded }: AddProps) => {
  const [slot, setSlot] = useState('')
  const [account, setAccount] = useState('')
  return (
    <Confirm
      title="Whose is this code?"
      action="Save"
      isOpen={isOpen}
      onClose={onClose}
      onConfirm={async () => {
        await api.put(`${doorPath(door)}/slots/${encodeURIComponent(slot.trim())}`, { account })
        setSlot('')
      }}
      onDone={onAdded}
    >
      <Field
        label="Number"
        name="slot"
        value={slot}
        onValue={setSlot}
        required
        autoFocus
        autocomplete="off"
        autocapitalize="none"
        hint={hint}
      />
      <Select
        label="Belongs to"
        name="account"
        value={account}
        onValue={setAccount}
        options={people}
        any="Choose…"
      />
    </Confirm>
  )
}
