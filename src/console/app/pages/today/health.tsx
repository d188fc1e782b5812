import type { Static } from '@sinclair/typebox'
import { useEffect } from 'preact/hooks'
import type { DoctorAnswer } from '../../../../ops/schema.ts'
import type { VerificationAnswer } from '../../../../unlocks/verify/schema.ts'
import { api } from '../../api/client.ts'
import { Button } from '../../components/form/button.tsx'
import { ErrorState, Loading } from '../../components/feedback/states.tsx'
import { Time } from '../../time/time.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { useLoad } from '../../api/load.ts'
import type { Unlock } from '../../words/unlock.ts'
import { useReloadOn } from '../../api/refresh.ts'
import { saveFile } from '../../api/save-file.ts'
import { errorMessage } from '../../words/error.ts'
import { counted, sentence } from '../../words/format.ts'

type Verification = Static<typeof VerificationAnswer>
type Finding = Static<typeof DoctorAnswer>['findings'][number]

type Health = {
  readonly verification: Verification
  readonly checkpoint: string
  readonly findings: readonly Finding[]
}

type Props = { readonly refresh: number; readonly newest: Unlock | undefined }

/** Whether everything is well: the state of the log, the last backup, and the doctor's warnings. */
export const Health = ({ refresh, newest }: Props) => {
  const { data, error, reload } = useLoad('health', readHealth)
  useReloadOn(refresh, reload)
  const isVerifying = data?.verification.running === true
  useEffect(() => {
    if (!isVerifying) return undefined
    const timer = setTimeout(reload, POLL_MS)
    return () => clearTimeout(timer)
  }, [isVerifying, data])
  if (!data)
    return error ? <ErrorState error={error} onRetry={reload} /> : <Loading what="health" />
  // The badge shows the state of the log already.
  const findings = data.findings.filter(({ check }) => check !== 'unlock log')
  const backup = findings.find(({ check }) => check === 'backup')
  const problems = findings.filter(({ check, state }) => check !== 'backup' && state !== 'ok')
  const isBroken = data.verification.state === 'broken'
  const isFailing = isBroken || findings.some(({ state }) => state === 'fault')
  const count =
    problems.length + Number(isBroken) + Number(backup !== undefined && backup.state !== 'ok')
  return (
    <section class={`sheet health ${isFailing ? 'broken' : ''}`} aria-labelledby="health">
      <h2 id="health">{count === 0 ? 'Everything is well' : headingFor(count, isFailing)}</h2>
      <dl>
        <Integrity {...data} newest={newest} onChange={reload} />
        {backup && <FindingItem finding={backup} />}
        {problems.map((finding) => (
          <FindingItem key={finding.check} finding={finding} />
        ))}
      </dl>
      <PassedChecks
        findings={findings.filter(({ check, state }) => check !== 'backup' && state === 'ok')}
      />
    </section>
  )
}

const headingFor = (count: number, isFailing: boolean): string => {
  if (isFailing) return `Needs attention: ${counted(count, 'problem')}`
  return counted(count, 'warning')
}

const POLL_MS = 1500

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
  readonly newest: Unlock | undefined
  readonly onChange: () => void
}

const BADGES = {
  intact: { kind: '', words: 'intact' },
  broken: { kind: 'stop', words: 'broken' },
  unchecked: { kind: 'warning', words: 'not verified yet' },
} as const

const Integrity = ({ verification, checkpoint, newest, onChange }: IntegrityProps) => {
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
    <div>
      <dt>Unlock log</dt>
      <dd>
        <p>
          <span class={`badge ${kind}`}>{words}</span>{' '}
          {state === 'intact' && size !== null && (
            <>{scope === 'full' ? allOf(size) : 'newest unlocks'} verified </>
          )}
          {checkedAt && <Time at={checkedAt} />}
        </p>
        {fault && (
          <p class="error">
            {sentence(fault)}
            {seq === null ? '' : ` First wrong unlock: ${seq}.`}
          </p>
        )}
        <p class="hint">
          The newest checkpoint covers {counted(signedSize, 'unlock')}
          {newest && (
            <>
              , the last from <Time at={newest.received_at} />
            </>
          )}
          .
        </p>
        <p class="actions">
          <Button kind="quiet" isBusy={running} onClick={() => run(verifyNow)}>
            {running ? 'Verifying…' : 'Verify all now'}
          </Button>
          <Button kind="quiet" onClick={() => run(saveCheckpoint)}>
            Save checkpoint
          </Button>
        </p>
      </dd>
    </div>
  )
}

const allOf = (size: number): string => `${size === 1 ? '' : 'all '}${counted(size, 'unlock')}`

const run = (work: () => Promise<void>): void => {
  work().catch((error: unknown) => showToast(errorMessage(error)))
}

const FindingItem = ({ finding: { check, state, says, fix } }: { readonly finding: Finding }) => (
  <div>
    <dt>{capital(check)}</dt>
    <dd>
      <p>
        {state !== 'ok' && (
          <span class={`badge ${state === 'fault' ? 'stop' : 'warning'}`}>
            {state === 'fault' ? 'problem' : 'warning'}
          </span>
        )}{' '}
        {withTimes(says)}
      </p>
      {fix && <p class="hint">To fix it: {fix}</p>}
    </dd>
  </div>
)

const PassedChecks = ({ findings }: { readonly findings: readonly Finding[] }) =>
  findings.length > 0 && (
    <details>
      <summary>{counted(findings.length, 'more check')} passed</summary>
      <dl>
        {findings.map((finding) => (
          <FindingItem key={finding.check} finding={finding} />
        ))}
      </dl>
    </details>
  )

const capital = (text: string): string =>
  text === 'https' ? 'HTTPS' : text.charAt(0).toUpperCase() + text.slice(1)

/** The text of a finding, with its times in the home's zone. */
const withTimes = (says: string) =>
  says
    .split(/(\d{4}-\d\d-\d\dT[\d:.]+Z)/)
    .map((part, index) => (index % 2 === 1 ? <Time key={part} at={part} format="exact" /> : part))
