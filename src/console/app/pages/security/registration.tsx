import type { Static } from '@sinclair/typebox'
import { useState } from 'preact/hooks'
import type { SettingsAnswer } from '../../../../accounts/registration/schema.ts'
import { api } from '../../api/client.ts'
import { Form } from '../../components/form/form.tsx'
import { type Registration, RegistrationChoice } from './registration-choice.tsx'
import { Section } from '../../components/layout/section.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { useLoad } from '../../api/load.ts'

type Settings = Static<typeof SettingsAnswer>

/** Changes who may register, unless the gateway's settings fix it. */
export const RegistrationSection = () => {
  const loaded = useLoad('settings', (signal) => api.get<Settings>('/v1/settings', { signal }))
  return (
    <Section title="Who may register?">
      <WhenLoaded what="settings" loaded={loaded}>
        {({ registration }) =>
          registration.is_fixed ? (
            <RegistrationChoice value={registration.value} isFixed onValue={() => {}} />
          ) : (
            <Choose current={registration.value} onChange={loaded.reload} />
          )
        }
      </WhenLoaded>
    </Section>
  )
}

type Props = { readonly current: Registration; readonly onChange: () => void }

const Choose = ({ current, onChange }: Props) => {
  const [chosen, setChosen] = useState(current)
  const send = async (): Promise<void> => {
    await api.patch('/v1/settings', { registration: chosen })
    showToast('Saved.')
    onChange()
  }
  return (
    <Form action="Save" onSend={send}>
      <RegistrationChoice value={chosen} isFixed={false} onValue={setChosen} />
    </Form>
  )
}
