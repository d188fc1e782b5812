import { useRef, useState } from 'preact/hooks'
import { api } from '../../../api/client.ts'
import type { Door } from '../../../api/doors.ts'
import { doorPath } from '../../../api/doors/driver.ts'
import { useHolders } from '../../../api/holders.ts'
import { useLoad } from '../../../api/load.ts'
import { BROKER, loadTargets } from '../../../api/targets.ts'
import { showToast } from '../../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../../components/feedback/when-loaded.tsx'
import { Action } from '../../../components/form/action.tsx'
import { Form } from '../../../components/form/form.tsx'
import { FieldError } from '../../../components/form/field-errors.ts'
import { Select } from '../../../components/form/select.tsx'
import { Section } from '../../../components/layout/section.tsx'
import { personAddress } from '../../../routing/people-filter.ts'

type Answer = { readonly account: string | null }
type Props = { readonly door: Door }

/** As whom Home Assistant, or anyone else at the MQTT broker, may open a door. */
export const Operator = ({ door }: Props) => {
  const path = `${doorPath(door)}/operator`
  const loaded = useLoad(path, (signal) => api.get<Answer>(path, { signal }))
  const holders = useHolders(true)
  const targets = useLoad('targets', loadTargets)
  const [chosen, setChosen] = useState('')
  const heading = useRef<HTMLHeadingElement>(null)
  const members = holders.people.filter(({ role }) => role === 'member')
  const changed = (message: string): void => {
    showToast(message)
    heading.current?.focus()
    loaded.reload()
  }
  const hasBroker = targets.data?.targets.some(({ kind }) => kind === BROKER)
  if (!hasBroker && !loaded.data?.account) return null
  return (
    <Section
      title={loaded.data?.account ? 'Home Assistant may open it' : 'May Home Assistant open it?'}
      lead="Anyone who can publish to your MQTT broker can then open what this member may open."
      heading={heading}
    >
      <WhenLoaded what="operator" loaded={loaded}>
        {({ account }) =>
          account === null ? (
            <Form
              action="Allow"
              onSend={async () => {
                if (chosen === '') throw new FieldError({ account: 'Choose a member.' })
                await api.put(path, { account: chosen })
                changed('Home Assistant may open it.')
              }}
            >
              <Select
                label="As"
                name="account"
                value={chosen}
                onValue={setChosen}
                options={members.map(({ id, username }) => ({ value: id, label: username }))}
                any="Nobody"
              />
              <p class="hint">
                A member of its own, such as one named Home Assistant, with rules of its own.
              </p>
            </Form>
          ) : (
            <div class="offer">
              <p>
                As <a href={personAddress(account)}>{holders.nameOf(`account:${account}`)}</a>,
                whose rules decide. The log names it.
              </p>
              <Action
                onAct={async () => {
                  await api.delete(path)
                  changed('Home Assistant may no longer open it.')
                }}
              >
                No longer
              </Action>
            </div>
          )
        }
      </WhenLoaded>
    </Section>
  )
}
