import type { Static } from '@sinclair/typebox'
import { useState } from 'preact/hooks'
import type { TestAnswer } from '../../../../outbox/targets/schema.ts'
import { api } from '../../api/client.ts'
import { type Target, changeTarget, targetPath } from '../../api/targets.ts'
import { Action } from '../../components/form/action.tsx'
import { answerWords } from '../../words/answer.ts'

type Props = { readonly target: Target; readonly onChange: () => void }

/** Sends a test to a connection, and shows the result. */
export const TestButton = ({ target: { id, name }, onChange }: Props) => {
  const [told, setTold] = useState<Static<typeof TestAnswer>>()
  return (
    <>
      <Action
        label={`Send a test: ${name}`}
        onAct={async () => {
          setTold(undefined)
          setTold(await api.post(`${targetPath(id)}/test`))
          onChange()
        }}
      >
        Send a test
      </Action>
      <div role="status" class="told">
        {told && (
          <p class={told.state === 'delivered' ? 'answer permitted' : 'answer denied'}>
            {told.state === 'delivered' ? 'The test arrived' : 'The test failed'}
            {answerWords(told)}
          </p>
        )}
      </div>
    </>
  )
}

/** Switches a connection off and on. */
export const OnOffButton = ({ target, onChange }: Props) => {
  const isOn = target.state === 'enabled'
  return (
    <Action
      label={`Switch ${isOn ? 'off' : 'on'}: ${target.name}`}
      onAct={async () => {
        await changeTarget(target, { state: isOn ? 'disabled' : 'enabled' })
        onChange()
      }}
    >
      {isOn ? 'Switch off' : 'Switch on'}
    </Action>
  )
}
