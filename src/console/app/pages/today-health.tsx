import type { Static } from '@sinclair/typebox'
import { useEffect } from 'preact/hooks'
import type { DoctorAnswer } from '../../../ops/schema.ts'
import type { VerificationAnswer } from '../../../unlocks/verify/schema.ts'
import { api } from '../api.ts'
import { Button } from '../components/button.tsx'
import { ErrorState, Loading } from '../components/states.tsx'
import { Time } from '../components/time.tsx'
import { tell } from '../components/toast.tsx'
import { useLoad } from '../load.ts'
import type { Opening } from '../opening.ts'
import { useReloadAt } from '../pulse.ts'
import { saveFile } from '../save-file.ts'
import { counted, wordsOf } from '../words.ts'

type Verification = Static<typeof VerificationAnswer>
type Finding = Static<typeof DoctorAnswer>['findings'][number]

type Health = {
  readonly verification: Verification
  readonly checkpoint: string
  readonly findings: readonly Finding[]
}

type Props = { readonly pulse: number; readonly newest: Opening | undefined }

/** Whether all is well: the proof of the log, the last backup, and what the doctor warns of. */
export const Health = ({ pulse, newest }: Props) => {
  const { data, error, reload } = useLoad('health', readHealth)
  useReloadAt(pulse, reload)
  const isChecking = data?.verification.running === true
  useEffect(() => {
    if (!isChecking) return undefined
    const again = setTimeout(reload, CHECK_AGAIN_MS)
    return () => clearTimeout(again)
  }, [isChecking, data])
  if (!data)
    return error ? <ErrorState error={error} onRetry={reload} /> : <Loading what="its health" />
  // The badge tells of the log what the doctor would say again.
  const findings = data.findings.filter(({ check }) => check !== 'unlock log')
  const backup = findings.find(({ check }) => check === 'backup')
  const troubles = findings.filter(({ check, state }) => check !== 'backup' && state !== 'ok')
  const isBroken = data.verification.state === 'broken'
  const isFaulty = isBroken || findings.some(({ state }) => state === 'fault')
  const count =
    troubles.length + Number(isBroken) + Number(backup !== undefined && backup.state !== 'ok')
  return (
    <section class={`sheet health ${isFaulty ? 'broken' : ''}`} aria-labelledby="health">
      <h2 id="health">
        {count === 0
          ? 'All is well'
          : `${isFaulty ? 'Not well: ' : ''}${counted(count, 'thing')} to look at`}
      </h2>
      <dl>
        <Integrity {...data} newest={newest} onChange={reload} />
        {backup && <Found finding={backup} />}
        {troubles.map((finding) => (
          <Found key={finding.check} finding={finding} />
        ))}
      </dl>
      <Rest
        findings={findings.filter(({ check, state }) => check !== 'backup' && state === 'ok')}
      />
    </section>
  )
}

const CHECK_AGAIN_MS = 1500

const readHealth = async (signal: AbortSignal): Promise<Health> => {
  const [verification, { findings }, checkpoint] = await Promise.all([
    api.get<Verification>('/v1/log/verification', { signal }),
    api.get<Static<typeof DoctorAnswer>>('/v1/doctor', { signal }),
    readCheckpoint(signal),
  ])
  return { verification, findings, checkpoint }
}

const readCheckpoint = async (signal?: AbortSignal): Promise<string> =>
  (await api.fetch('/v1/log/checkpoint', signal ? { signal } : {})).text()

type IntegrityProps = Pick<Health, 'verification' | 'checkpoint'> & {
  readonly newest: Opening | undefined
  readonly onChange: () => void
}

const BADGES = {
  intact: { kind: '', words: 'intact' },
  broken: { kind: 'stop', words: 'does not hold' },
  unchecked: { kind: 'warning', words: 'not checked yet' },
} as const

const Integrity = ({ verification, checkpoint, newest, onChange }: IntegrityProps) => {
  const { state, scope, size, checked_at: checkedAt, seq, fault, running } = verification
  const { kind, words } = BADGES[state]
  const signedSize = Number(checkpoint.split('\n')[1])
  const checkNow = async (): Promise<void> => {
    await api.post('/v1/log/verification')
    onChange()
  }
  const keep = async (): Promise<void> => {
    saveFile(new Blob([await readCheckpoint()]), `checkpoint-${signedSize}`)
    tell('Kept. Put it on another device: today’s log must extend it for ever.')
  }
  return (
    <div>
      <dt>Unlock log</dt>
      <dd>
        <p>
          <span class={`badge ${kind}`}>{words}</span>{' '}
          {state === 'intact' && size !== null && (
            <>{scope === 'full' ? `all ${counted(size, 'event')}` : 'its newest events'} checked </>
          )}
          {checkedAt && <Time at={checkedAt} />}
        </p>
        {fault && (
          <p class="fault">
            {fault}.{seq === null ? '' : ` First wrong event: ${seq}.`}
          </p>
        )}
        <p class="hint">
          The newest checkpoint signs for {counted(signedSize, 'event')}
          {newest && (
            <>
              , the last of <Time at={newest.received_at} />
            </>
          )}
          .
        </p>
        <p class="actions">
          <Button kind="quiet" isBusy={running} onClick={() => attempt(checkNow)}>
            {running ? 'Checking…' : 'Check all now'}
          </Button>
          <Button kind="quiet" onClick={() => attempt(keep)}>
            Keep a checkpoint
          </Button>
        </p>
      </dd>
    </div>
  )
}

const attempt = (work: () => Promise<void>): void => {
  work().catch((error: unknown) => tell(wordsOf(error)))
}

const Found = ({ finding: { check, state, says, fix } }: { readonly finding: Finding }) => (
  <div>
    <dt>{capital(check)}</dt>
    <dd>
      <p>
        {state !== 'ok' && (
          <span class={`badge ${state === 'fault' ? 'stop' : 'warning'}`}>{state}</span>
        )}{' '}
        {told(says)}
      </p>
      {fix && <p class="hint">What to do: {fix}</p>}
    </dd>
  </div>
)

const Rest = ({ findings }: { readonly findings: readonly Finding[] }) =>
  findings.length > 0 && (
    <details>
      <summary>{counted(findings.length, 'more thing')} looked at, all well</summary>
      <dl>
        {findings.map((finding) => (
          <Found key={finding.check} finding={finding} />
        ))}
      </dl>
    </details>
  )

const capital = (text: string): string =>
  text === 'https' ? 'HTTPS' : text.charAt(0).toUpperCase() + text.slice(1)

/** What a finding says, with its times in the home's zone. */
const told = (says: string) =>
  says
    .split(/(\d{4}-\d\d-\d\dT[\d:.]+Z)/)
    .map((part, at) => (at % 2 === 1 ? <Time key={part} at={part} form="exact" /> : part))
