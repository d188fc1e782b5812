import type { Static } from '@sinclair/typebox'
import { useState } from 'preact/hooks'
import type { SettingsAnswer } from '../../../accounts/registration/schema.ts'
import { api } from '../api.ts'
import { Form } from '../components/form.tsx'
import { type Registration, RegistrationChoice } from '../components/registration-choice.tsx'
import { Section } from '../components/section.tsx'
import { tell } from '../components/toast.tsx'
import { WhenLoaded } from '../components/when-loaded.tsx'
import { useLoad } from '../load.ts'

type Settings = Static<typeof SettingsAnswer>

/** Who may register, unless the gateway's settings decide that. */
export const Registrations = () => {
  const loaded = useLoad('settings', (signal) => api.get<Settings>('/v1/settings', { signal }))
  return (
    <Section title="Who may register?">
      <WhenLoaded what="the settings" loaded={loaded}>
        {({ registration }) =>
          registration.is_fixed ? (
            <RegistrationChoice value={registration.value} isFixed onValue={() => {}} />
          ) : (
            <Choose held={registration.value} onChange={loaded.reload} />
          )
        }
      </WhenLoaded>
    </Section>
  )
}

type Props = { readonly held: Registration; readonly onChange: () => void }

const Choose = ({ held, onChange }: Props) => {
  const [chosen, setChosen] = useState(held)
  const send = async (): Promise<void> => {
    await api.patch('/v1/settings', { registration: chosen })
    tell('It counts from now on.')
    onChange()
  }
  return (
    <Form action="Save" onSend={send}>
      <RegistrationChoice value={chosen} isFixed={false} onValue={setChosen} />
    </Form>
  )
}
