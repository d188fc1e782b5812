import { useState } from 'preact/hooks'
import { ApiError, api } from '../../../api/client.ts'
import type { Door } from '../../../api/doors.ts'
import { type Driver, doorPath } from '../../../api/doors/driver.ts'
import { Checkbox } from '../../../components/form/checkbox.tsx'
import { Choices } from '../../../components/form/choices.tsx'
import { Field } from '../../../components/form/field.tsx'
import { Form } from '../../../components/form/form.tsx'
import { DRIVER_KINDS, driverBody } from './kinds.ts'

type Kind = Driver['kind']

const OPTIONS = (Object.keys(DRIVER_KINDS) as Kind[]).map((value) => ({
  value,
  label: DRIVER_KINDS[value].label,
  description: DRIVER_KINDS[value].description,
}))

type Props = {
  readonly door: Door
  /** The current driver; undefined if there is none. */
  readonly driver: Driver | undefined
  readonly onSaved: () => void
}

/** The form for the driver of a lock. */
export const DriverForm = ({ door, driver, onSaved }: Props) => {
  const [kind, setKind] = useState<Kind>(driver?.kind ?? 'zigbee2mqtt')
  const [values, setValues] = useState<Readonly<Record<string, string>>>(() =>
    Object.fromEntries(
      Object.entries(driver?.settings ?? {}).map(([name, value]) => [name, String(value)]),
    ),
  )
  const [pullsLatch, setPullsLatch] = useState(driver?.settings['action'] === 'open')
  const { fields, hasLatch } = DRIVER_KINDS[kind]
  const isKept = (name: string): boolean => driver?.kind === kind && driver.secrets.includes(name)
  return (
    <Form
      action={driver ? 'Save' : 'Connect'}
      messageFor={messageFor}
      onSend={async () => {
        await api.put(
          `${doorPath(door)}/driver`,
          driverBody(kind, values, pullsLatch),
          driver ? { 'if-match': `"${driver.version}"` } : {},
        )
        onSaved()
      }}
    >
      <Choices
        label="How the lock is connected"
        name="kind"
        options={OPTIONS}
        value={kind}
        onValue={setKind}
      />
      {fields.map(({ name, part, label, hint, isOptional = false }) => (
        <Field
          key={`${kind} ${name}`}
          label={isOptional ? `${label} (optional)` : label}
          name={name}
          value={values[name] ?? ''}
          onValue={(value) => setValues((before) => ({ ...before, [name]: value }))}
          type={part === 'secrets' ? 'password' : 'text'}
          hint={isKept(name) ? 'Leave it empty to keep the one you have.' : hint}
          required={!isOptional && !isKept(name)}
          autocomplete={part === 'secrets' ? 'new-password' : 'off'}
          autocapitalize="none"
          spellcheck={false}
        />
      ))}
      {hasLatch && (
        <Checkbox isChecked={pullsLatch} onChecked={setPullsLatch}>
          Pull the latch too, so that the door springs open
        </Checkbox>
      )}
    </Form>
  )
}

const messageFor = (error: unknown): string | undefined => {
  if (!(error instanceof ApiError)) return undefined
  if (error.code === 'no_broker')
    return 'This needs the MQTT broker: set MQTT_URL on the gateway first.'
  return error.status === 412
    ? 'Somebody changed this a moment ago. Reload the page, and look again.'
    : undefined
}
