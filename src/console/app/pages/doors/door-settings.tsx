import { useRef, useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import type { Door } from '../../api/doors.ts'
import { showToast } from '../../components/feedback/toast.tsx'
import { Action } from '../../components/form/action.tsx'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { Field } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { Section } from '../../components/layout/section.tsx'

type Props = { readonly door: Door; readonly onChange: () => void }

/** Renames a door, switches it off and on, and retires it. */
export const DoorSettings = ({ door, onChange }: Props) => {
  const { name, label, state, version } = door
  const [isAsked, setAsked] = useState(false)
  const heading = useRef<HTMLHeadingElement>(null)
  const change = (body: Readonly<Record<string, string>>): Promise<void> =>
    api.patch(`/v1/locks/${encodeURIComponent(label)}`, body, { 'if-match': `"${version}"` })
  const changed = (message: string): void => {
    showToast(message)
    heading.current?.focus()
    onChange()
  }
  const isOn = state === 'enabled'
  return (
    <Section title="Settings" heading={heading}>
      <Rename
        key={name}
        door={door}
        onRename={async (other) => {
          await change({ name: other })
          changed('Renamed.')
        }}
      />
      <div class="offer">
        <p>
          <strong>{isOn ? 'Switch it off for a while?' : 'This door is switched off.'}</strong>{' '}
          <span class="quiet">
            {isOn
              ? 'The gateway then opens it for nobody, not even owners.'
              : 'The gateway opens it for nobody.'}
          </span>
        </p>
        <Action
          onAct={async () => {
            await change({ state: isOn ? 'disabled' : 'enabled' })
            changed(isOn ? `${name} is switched off.` : `${name} is switched on.`)
          }}
        >
          {isOn ? 'Switch off' : 'Switch on'}
        </Action>
      </div>
      <div class="offer">
        <p>
          <strong>Gone for good?</strong>{' '}
          <span class="quiet">A retired door never opens again; its history stays.</span>
        </p>
        <Button onClick={() => setAsked(true)}>Retire</Button>
        <Confirm
          title={`Retire ${name}?`}
          action={`Retire ${name}`}
          isDangerous
          isOpen={isAsked}
          onClose={() => setAsked(false)}
          onConfirm={() => change({ state: 'retired' })}
          onDone={() => changed(`${name} is retired.`)}
        >
          <p>
            <strong>This cannot be undone.</strong> The gateway never opens this door again, and no
            other door can have the label <code>{label}</code>. Its unlocks stay in the log.
          </p>
        </Confirm>
      </div>
    </Section>
  )
}

type RenameProps = {
  readonly door: Door
  readonly onRename: (name: string) => Promise<void>
}

const Rename = ({ door: { name, label }, onRename }: RenameProps) => {
  const [typed, setTyped] = useState(name)
  return (
    <Form action="Rename" onSend={() => onRename(typed.trim())}>
      <Field
        label="Name"
        name="name"
        value={typed}
        onValue={setTyped}
        maxLength={100}
        autocomplete="off"
        required
        hint={`Its label stays ${label}.`}
      />
    </Form>
  )
}
