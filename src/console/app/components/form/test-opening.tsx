import { api } from '../../api/client.ts'
import { TEST_METHOD } from '../../words/unlock.ts'
import { Action } from './action.tsx'

type Props = { readonly onRecorded: () => void }

/** Records an opening without an app, so that somebody sees how one looks. */
export const TestOpening = ({ onRecorded }: Props) => {
  const record = async (): Promise<void> => {
    await api.post('/v1/unlocks', { method: TEST_METHOD })
    onRecorded()
  }
  return (
    <div class="test-opening">
      <Action onAct={record}>Record a test opening</Action>
      <p class="hint">
        No app yet? See what an opening looks like. It stays in the log, marked as a test.
      </p>
    </div>
  )
}
