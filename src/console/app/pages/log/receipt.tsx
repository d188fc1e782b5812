import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { Button } from '../../components/form/button.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { type ProvenUnlock, type Unlock, sentenceOf } from '../../words/unlock.ts'
import type { Proof } from '../../proof.ts'
import { saveFile } from '../../api/save-file.ts'
import { errorMessage } from '../../words/error.ts'
import { counted, sentence } from '../../words/format.ts'

/** Loaded only when somebody verifies a receipt. */
const PROOF_SCRIPT = '/console/proof.js'
const loadProof = () => import(PROOF_SCRIPT) as Promise<typeof import('../../proof.ts')>

type Checked = { readonly proof: Proof; readonly key: string; readonly isFile: boolean }

type Props = { readonly unlock: Unlock }

/** Saves the receipt of an unlock as a file, and verifies it in this browser. */
export const Receipt = ({ unlock }: Props) => {
  const [checked, setChecked] = useState<Checked | undefined>(undefined)
  const [error, setError] = useState('')
  const [isBusy, setBusy] = useState(false)

  const run = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true)
    setError('')
    try {
      await work()
    } catch (reason) {
      setError(errorMessage(reason))
    }
    setBusy(false)
  }

  const save = async (): Promise<void> => {
    saveFile(new Blob([await receiptOf(unlock)]), `receipt-${unlock.seq}.txt`)
    showToast('Receipt saved. It contains personal data.')
  }

  const verify = async (file?: File): Promise<void> => {
    setChecked(undefined)
    const [{ prove }, { verifier_key: key }, receipt] = await Promise.all([
      loadProof(),
      api.get<{ readonly verifier_key: string }>('/v1/log/key'),
      file ? file.text() : receiptOf(unlock),
    ])
    setChecked({ proof: prove(receipt, key), key, isFile: file !== undefined })
  }

  return (
    <section class="sheet" aria-labelledby="receipt">
      <h2 id="receipt">Receipt</h2>
      <p>
        A receipt proves to anyone that this unlock is in the log, even without this gateway. It is
        verified here in your browser.
      </p>
      <p class="actions">
        <Button kind="main" isBusy={isBusy} onClick={() => void run(() => verify())}>
          Verify
        </Button>
        <Button onClick={() => void run(save)}>Save receipt</Button>
        <label class="button">
          Verify a saved receipt
          <input
            class="unseen"
            type="file"
            onChange={({ currentTarget }) => {
              const [file] = currentTarget.files ?? []
              currentTarget.value = ''
              if (file) void run(() => verify(file))
            }}
          />
        </label>
      </p>
      <div role="status">
        {error && <p class="error">{error}</p>}
        {checked && <Verdict {...checked} unlock={unlock} />}
      </div>
    </section>
  )
}

const receiptOf = async ({ id }: Unlock): Promise<string> =>
  (await api.fetch(`/v1/unlocks/${id}/receipt`)).text()

const Verdict = ({ proof, key, isFile, unlock }: Checked & Props) => {
  const what = isFile ? 'Your saved receipt' : 'The receipt'
  if (!proof.ok)
    return (
      <div class="verdict broken">
        <h3>{what} is not valid</h3>
        <p>{sentence(proof.error)}</p>
        <p>
          This is not what the gateway signed, so it proves nothing.{' '}
          {isFile
            ? 'The file was changed, or it is from another gateway.'
            : 'Copy the whole data folder, and the database if it is on a server, before anything changes there, and see what Today says about the log.'}
        </p>
      </div>
    )
  if (proof.unlock.id !== unlock.id)
    return (
      <div class="verdict other">
        <h3>{what} is valid, but for another unlock</h3>
        <p>
          Unlock {proof.unlock.seq}: {sentenceOf(proof.unlock)}
        </p>
      </div>
    )
  const changed = differences(proof.unlock, unlock)
  if (changed.length > 0)
    return (
      <div class="verdict broken">
        <h3>{what} is valid, but this page shows something else</h3>
        <p>
          The gateway signed a different {changed.join(', ')} than it shows here. Trust the receipt:{' '}
          {sentenceOf(proof.unlock)}
        </p>
      </div>
    )
  return <Proven proof={proof} key={key} verifierKey={key} unlock={unlock} what={what} />
}

type ProvenProps = {
  readonly proof: Extract<Proof, { ok: true }>
  readonly verifierKey: string
  readonly unlock: Unlock
  readonly what: string
}

const WITNESSES: Readonly<Record<Unlock['source'], string>> = {
  claimed: 'the app',
  observed: 'this gateway',
  imported: 'the legacy server',
  decided: 'this gateway',
  reported: 'the lock, and what it is connected by',
  attested: 'the controller of the lock',
}

const Proven = ({ proof, verifierKey, unlock, what }: ProvenProps) => (
  <div class="verdict intact">
    <h3>{what} is valid</h3>
    <p>
      When the gateway signed a log of {counted(proof.size, 'entry', 'entries')}, this was number{' '}
      {unlock.seq}, exactly as shown above. If anyone changes, moves or removes it, this receipt
      proves it.
    </p>
    <ol>
      <li>{personWords(proof.unlock, unlock)}</li>
      <li>The hash of this unlock is number {unlock.seq} in the log.</li>
      <li>
        The path from there leads to the root of all {counted(proof.size, 'entry', 'entries')}.
      </li>
      <li>The root is signed with the gateway’s key.</li>
    </ol>
    <p class="hint">
      It does not prove what happened at the door: for that, you have to trust{' '}
      {WITNESSES[unlock.source]}. The key comes from this gateway too: compare it with one that you
      saved.
    </p>
    <details>
      <summary>Details</summary>
      <dl class="facts">
        {(
          [
            ['Hash of the unlock', proof.leaf],
            ['Root of the log', proof.root],
            ['Key', verifierKey],
          ] as const
        ).map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>
              <code>{value}</code>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  </div>
)

const personWords = (proven: ProvenUnlock, shown: Unlock): string => {
  if (proven.username === null)
    return 'Person and method are erased, but the hash still commits to them.'
  return shown.username === null
    ? `Your receipt still proves who it was: ${sentenceOf(proven)}`
    : 'The hash commits to this person and this method, and to no others.'
}

const PERSONAL: ReadonlySet<string> = new Set(['account', 'username', 'method', 'grant', 'guest'])

/** Lists the members in which a receipt and this page differ. Erased members do not count. */
const differences = (proven: ProvenUnlock, shown: Unlock): readonly string[] => {
  const isErased = proven.username === null || shown.username === null
  return (Object.keys(proven) as (keyof ProvenUnlock)[]).filter(
    (name) =>
      JSON.stringify(proven[name]) !== JSON.stringify(shown[name]) &&
      !(isErased && PERSONAL.has(name)),
  )
}
