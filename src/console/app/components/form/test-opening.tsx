import type { Static } from '@sinclair/typebox'
import type { OutcomeAnswer } from '../../../../unlocks/log/schema.ts'
import { api } from '../../api/client.ts'
import { TEST_METHOD } from '../../words/unlock.ts'
import { Action } from './action.tsx'

type Props = {
  readonly kind?: 'main' | 'plain'
  /** Called with the id of the unlock, once it is in the log. */
  readonly onRecorded: (id: string) => Promise<void> | void
}

/** Records an unlock in your own name, as the phone app does, so that you can try it without an app. */
export const TestOpening = ({ kind = 'plain', onRecorded }: Props) => {
  const record = async (): Promise<void> => {
    const { id } = await api.post<Static<typeof OutcomeAnswer>>('/v1/unlocks', {
      method: TEST_METHOD,
    })
    if (id !== undefined) await onRecorded(id)
  }
  return (
    <Action kind={kind} onAct={record}>
      Record a test opening
    </Action>
  )
}
