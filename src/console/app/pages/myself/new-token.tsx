import type { Static } from '@sinclair/typebox'
import { useState } from 'preact/hooks'
import type { MadeTokenAnswer } from '../../../../accounts/tokens/schema.ts'
import { api } from '../../api/client.ts'
import { isInUse, loadDoors } from '../../api/doors.ts'
import { useLoad } from '../../api/load.ts'
import { role } from '../../api/session.ts'
import { Note } from '../../components/feedback/states.tsx'
import { Button } from '../../components/form/button.tsx'
import { Checkbox } from '../../components/form/checkbox.tsx'
import { Field, PasswordField } from '../../components/form/field.tsx'
import { FieldError, WRONG_PASSWORD, withFieldErrors } from '../../components/form/field-errors.ts'
import { Form } from '../../components/form/form.tsx'
import { Group } from '../../components/form/group.tsx'
import { Select } from '../../components/form/select.tsx'
import { isAtLeast } from '../../routing/sections.ts'
import { capital } from '../../words/capital.ts'
import { scopeWords } from '../../words/scope.ts'

type Props = {
  readonly onMade: (token: Static<typeof MadeTokenAnswer>) => void
  readonly onCancel: () => void
}

const LIFETIMES = [
  { value: '30', label: 'After 30 days' },
  { value: '90', label: 'After 90 days' },
  { value: '365', label: 'After a year' },
  { value: 'never', label: 'Never' },
] as const
type Lifetime = (typeof LIFETIMES)[number]['value']

/** Makes an access token. */
export const NewToken = ({ onMade, onCancel }: Props) => {
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState<readonly string[]>([])
  const [lifetime, setLifetime] = useState<Lifetime>('90')
  const [password, setPassword] = useState('')
  const doors = useLoad('doors', loadDoors)
  const labels = (doors.data?.locks ?? []).filter(isInUse).map(({ label }) => label)
  const scopes = [
    'unlocks:read',
    ...labels.map((label) => `locks:operate:${label}`),
    ...labels.map((label) => `unlocks:write:${label}`),
    ...(isAtLeast(role.value, 'admin') ? ['people:read', 'metrics:read'] : []),
  ]
  const make = async (): Promise<void> => {
    if (chosen.length === 0) throw new FieldError({ scopes: 'Choose what it may do.' })
    onMade(
      await api.post('/v1/me/tokens', {
        name: name.trim(),
        scopes: chosen,
        expires_in_days: lifetime === 'never' ? 'never' : Number(lifetime),
        password,
      }),
    )
  }
  return (
    <>
      <Form action="Create the token" onSend={withFieldErrors(WRONG, make)}>
        <Field
          label="Name"
          name="name"
          value={name}
          onValue={setName}
          maxLength={80}
          autocomplete="off"
          required
          autoFocus
          hint="The program that uses it. The log shows it."
        />
        <Group label="It may" name="scopes">
          <div class="checkboxes">
            {scopes.map((scope) => (
              <Checkbox
                key={scope}
                isChecked={chosen.includes(scope)}
                onChecked={(isChecked) =>
                  setChosen((before) =>
                    isChecked ? [...before, scope] : before.filter((other) => other !== scope),
                  )
                }
              >
                {capital(scopeWords(scope))}
              </Checkbox>
            ))}
          </div>
        </Group>
        <Select
          label="Ends"
          name="expires_in_days"
          value={lifetime}
          onValue={(value) => setLifetime(value || '90')}
          options={LIFETIMES}
        />
        {lifetime === 'never' && (
          <Note kind="warning">Anybody who finds it can use it until you revoke it.</Note>
        )}
        <PasswordField
          label="Your password"
          name="password"
          value={password}
          onValue={setPassword}
          autocomplete="current-password"
        />
      </Form>
      <Button kind="quiet" onClick={onCancel}>
        Cancel
      </Button>
    </>
  )
}

const WRONG = { wrong_password: { field: 'password', message: WRONG_PASSWORD } }
