import { useState } from 'preact/hooks'
import { api } from '../../../api/client.ts'
import { CopyButton } from '../../../components/codes/copy-button.tsx'
import { Action } from '../../../components/form/action.tsx'
import { counted } from '../../../words/format.ts'
import type { Unlock } from '../../../words/unlock.ts'
import { Fact } from './fact.tsx'
import { hexText, statementIn } from './statement-bytes.ts'

type Props = { readonly unlock: Unlock }

/** What the controller, or the phone of a guest, signed: the bytes, which a receipt has. */
export const Statement = ({ unlock: { id, source } }: Props) => {
  const [bytes, setBytes] = useState<Uint8Array | 'none'>()
  const load = async (): Promise<void> => {
    const answer = await api.fetch(`/v1/unlocks/${encodeURIComponent(id)}/receipt`)
    setBytes(statementIn(await answer.text()) ?? 'none')
  }
  return (
    <Fact term="Signed statement">
      {bytes === undefined && <Action onAct={load}>Show it</Action>}
      {bytes === 'none' &&
        (source === 'attested' ? 'Erased' : 'None: the phone of this guest does not sign.')}
      {bytes instanceof Uint8Array && (
        <>
          <code class="statement">{hexText(bytes)}</code>
          <CopyButton text={hexText(bytes)} what="statement" />
          <span class="hint">
            {counted(bytes.length, 'byte')}, COSE_Sign1 (RFC 9052). The log has its SHA-256;{' '}
            <a href="/manual/controller#statements">the manual has the format</a>.
          </span>
        </>
      )}
    </Fact>
  )
}
