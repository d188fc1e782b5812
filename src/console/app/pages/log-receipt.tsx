import { useState } from 'preact/hooks'
import { api } from '../api.ts'
import { Button } from '../components/button.tsx'
import { tell } from '../components/toast.tsx'
import { type Opening, sentenceOf } from '../opening.ts'
import type { Proof } from '../proof.ts'
import { saveFile } from '../save-file.ts'
import { counted, wordsOf } from '../words.ts'

/** Loaded only where somebody verifies. */
const PROOF_SCRIPT = '/console/proof.js'
const loadProof = () => import(PROOF_SCRIPT) as Promise<typeof import('../proof.ts')>

type Checked = { readonly proof: Proof; readonly key: string; readonly isFile: boolean }

type Props = { readonly opening: Opening }

/** The receipt of an event: kept as a file, and verified in this browser. */
export const Receipt = ({ opening }: Props) => {
  const [checked, setChecked] = useState<Checked | undefined>(undefined)
  const [fault, setFault] = useState('')
  const [isBusy, setBusy] = useState(false)

  const attempt = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true)
    setFault('')
    try {
      await work()
    } catch (error) {
      setFault(wordsOf(error))
    }
    setBusy(false)
  }

  const save = async (): Promise<void> => {
    saveFile(new Blob([await receiptOf(opening)]), `receipt-${opening.seq}.txt`)
    tell('The receipt is saved. It is personal data.')
  }

  const verify = async (file?: File): Promise<void> => {
    setChecked(undefined)
    const [{ prove }, { verifier_key: key }, receipt] = await Promise.all([
      loadProof(),
      api.get<{ readonly verifier_key: string }>('/v1/log/key'),
      file ? file.text() : receiptOf(opening),
    ])
    setChecked({ proof: prove(receipt, key), key, isFile: file !== undefined })
  }

  return (
    <section class="sheet" aria-labelledby="receipt">
      <h2 id="receipt">Receipt</h2>
      <p>
        It proves that the log holds this event, to anybody and without this gateway. Verifying
        computes all of it in this browser.
      </p>
      <p class="actions">
        <Button kind="main" isBusy={isBusy} onClick={() => void attempt(() => verify())}>
          Verify here
        </Button>
        <Button onClick={() => void attempt(save)}>Save the receipt</Button>
        <label class="button">
          Verify one that I kept
          <input
            class="unseen"
            type="file"
            onChange={({ currentTarget }) => {
              const [file] = currentTarget.files ?? []
              currentTarget.value = ''
              if (file) void attempt(() => verify(file))
            }}
          />
        </label>
      </p>
      <div role="status">
        {fault && <p class="fault">{fault}</p>}
        {checked && <Verdict {...checked} opening={opening} />}
      </div>
    </section>
  )
}

const receiptOf = async ({ id }: Opening): Promise<string> =>
  (await api.fetch(`/v1/unlocks/${id}/receipt`)).text()

const Verdict = ({ proof, key, isFile, opening }: Checked & Props) => {
  const what = isFile ? 'The receipt that you chose' : 'The receipt'
  if (!proof.ok)
    return (
      <div class="verdict broken">
        <h3>{what} does not hold</h3>
        <p>{proof.fault}.</p>
        <p>
          It is not what the gateway signed for, and proves nothing.{' '}
          {isFile
            ? 'Somebody changed the file, or it is of another gateway.'
            : 'Copy the whole data folder before anything is changed in it, and see Today for what the last check found.'}
        </p>
      </div>
    )
  if (proof.opening.id !== opening.id)
    return (
      <div class="verdict other">
        <h3>{what} holds, and is of another event</h3>
        <p>
          Event {proof.opening.seq}: {sentenceOf(proof.opening)}
        </p>
      </div>
    )
  const changed = differences(proof.opening, opening)
  if (changed.length > 0)
    return (
      <div class="verdict broken">
        <h3>{what} holds, but this page shows something else</h3>
        <p>
          The gateway signed for another {changed.join(', ')} than it tells here. Believe the
          receipt: {sentenceOf(proof.opening)}
        </p>
      </div>
    )
  return <Proven proof={proof} key={key} verifierKey={key} opening={opening} what={what} />
}

type ProvenProps = {
  readonly proof: Extract<Proof, { ok: true }>
  readonly verifierKey: string
  readonly opening: Opening
  readonly what: string
}

const WITNESSES: Readonly<Record<Opening['source'], string>> = {
  claimed: 'the app',
  observed: 'this gateway',
  imported: 'the legacy server',
}

const Proven = ({ proof, verifierKey, opening, what }: ProvenProps) => (
  <div class="verdict whole">
    <h3>{what} holds</h3>
    <p>
      When the gateway signed for a log of {counted(proof.size, 'event')}, this was event{' '}
      {opening.seq} of it, exactly as above. Whoever changes, moves or removes it is found out by
      this receipt.
    </p>
    <ol>
      <li>{personWords(proof.opening, opening)}</li>
      <li>The event has this hash, and the log has that hash in place {opening.seq}.</li>
      <li>The way from there leads to the root of all {counted(proof.size, 'event')}.</li>
      <li>The root is signed with the gateway’s key.</li>
    </ol>
    <p class="hint">
      What it does not prove is what happened at the door: that is the word of{' '}
      {WITNESSES[opening.source]}. The key is this gateway’s own word: compare it with one that you
      kept.
    </p>
    <details>
      <summary>What was computed</summary>
      <dl class="facts">
        {(
          [
            ['Hash of the event', proof.leaf],
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

const personWords = (proven: Opening, shown: Opening): string => {
  if (proven.username === null)
    return 'Person and method are erased; the event still commits to what they were.'
  return shown.username === null
    ? `Your receipt still says who it was, and proves it: ${sentenceOf(proven)}`
    : 'The event commits to this person and this method, and to no others.'
}

const PERSONAL: ReadonlySet<string> = new Set(['account', 'username', 'method'])

/** In what two accounts of an event differ; what was erased from one is no difference. */
const differences = (proven: Opening, shown: Opening): readonly string[] => {
  const isErased = proven.username === null || shown.username === null
  return (Object.keys(proven) as (keyof Opening)[]).filter(
    (name) => proven[name] !== shown[name] && !(isErased && PERSONAL.has(name)),
  )
}
