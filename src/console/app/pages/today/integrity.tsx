import type { Static } from '@sinclair/typebox'
import type { VerificationAnswer } from '../../../../unlocks/verify/schema.ts'
import { api } from '../../api/client.ts'
import { saveFile } from '../../api/save-file.ts'
import { showToast } from '../../components/feedback/toast.tsx'
import { Button } from '../../components/form/button.tsx'
import { Time } from '../../time/time.tsx'
import { errorMessage } from '../../words/error.ts'
import { counted, sentence } from '../../words/format.ts'

export type Verification = Static<typeof VerificationAnswer>

type Props = {
  readonly verification: Verification
  readonly checkpoint: string
  readonly onChange: () => void
}

const BADGES = {
  intact: { kind: '', words: 'intact' },
  broken: { kind: 'stop', words: 'broken' },
  unchecked: { kind: 'warning', words: 'not verified yet' },
} as const

export const readCheckpoint = async (signal?: AbortSignal): Promise<string> =>
  (await api.fetch('/v1/log/checkpoint', signal ? { signal } : {})).text()

/** Whether the unlock log was changed, and what an owner can do to prove it later. */
export const Integrity = ({ verification, checkpoint, onChange }: Props) => {
  const { state, scope, size, checked_at: checkedAt, seq, fault, running } = verification
  const { kind, words } = BADGES[state]
  const signedSize = Number(checkpoint.split('\n')[1])
  const verifyNow = async (): Promise<void> => {
    await api.post('/v1/log/verification')
    onChange()
  }
  const saveCheckpoint = async (): Promise<void> => {
    saveFile(new Blob([await readCheckpoint()]), `checkpoint-${signedSize}`)
    showToast('Saved. Keep it on another device: it reveals if the log is ever rewritten.')
  }
  return (
    <div class="integrity">
      <p>
        <span class={`badge ${kind}`}>{words}</span>{' '}
        {state === 'intact' && size !== null && (
          <>{verifiedWords(size, signedSize, scope)} verified </>
        )}
        {checkedAt && <Time at={checkedAt} />}
        {state === 'intact' && size !== null && signedSize > size && (
          <>, {counted(signedSize - size, 'entry', 'entries')} recorded since</>
        )}
      </p>
      {fault && (
        <p class="error">
          {sentence(fault)}
          {seq === null ? '' : ` First wrong unlock: ${seq}.`}
        </p>
      )}
      <p class="hint">The newest checkpoint covers {counted(signedSize, 'entry', 'entries')}.</p>
      <p class="actions">
        <Button kind="quiet" isBusy={running} onClick={() => run(verifyNow)}>
          {running ? 'Verifying…' : 'Verify all now'}
        </Button>
        <Button kind="quiet" onClick={() => run(saveCheckpoint)}>
          Save checkpoint
        </Button>
      </p>
    </div>
  )
}

const verifiedWords = (size: number, signedSize: number, scope: Verification['scope']): string => {
  if (scope !== 'full' && size > 0) return 'newest entries'
  return `${size === 1 || size < signedSize ? '' : 'all '}${counted(size, 'entry', 'entries')}`
}

const run = (work: () => Promise<void>): void => {
  work().catch((error: unknown) => showToast(errorMessage(error)))
}
