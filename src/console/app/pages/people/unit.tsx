import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { type Person, isMyself } from '../../api/person.ts'
import { reloadMe } from '../../api/session.ts'
import { useUnits } from '../../api/units.ts'
import { showToast } from '../../components/feedback/toast.tsx'
import { Field } from '../../components/form/field.tsx'
import { Form } from '../../components/form/form.tsx'
import { Section } from '../../components/layout/section.tsx'
import { UNIT_CHARACTERS_MAX } from '../../words/unit.ts'

type Props = { readonly person: Person; readonly onChange: () => void }

/** Sets the flat, room or house of a person. */
export const PersonUnit = ({ person, onChange }: Props) => {
  const { id, username, unit: current } = person
  const [unit, setUnit] = useState(current ?? '')
  const units = useUnits()
  const send = async (): Promise<void> => {
    const wanted = unit.trim() || null
    await api.patch(`/v1/people/${id}`, { unit: wanted })
    showToast(wanted ? `${username} belongs to ${wanted}.` : `${username} belongs to no unit.`)
    if (isMyself(person)) await reloadMe()
    onChange()
  }
  return (
    <Section title="Unit">
      <Form action="Save" onSend={send}>
        <Field
          label="Flat, room or house"
          name="unit"
          value={unit}
          onValue={setUnit}
          maxLength={UNIT_CHARACTERS_MAX}
          autocomplete="off"
          suggestions={units}
          hint={`${username} sees it too. Leave it empty for none.`}
        />
      </Form>
    </Section>
  )
}
