import { useEffect } from 'preact/hooks'
import { type Loaded, useLoad } from '../../api/load.ts'
import { api } from '../../api/client.ts'
import { loadFindings } from '../../api/findings.ts'
import { useReloadOn } from '../../api/refresh.ts'
import { ErrorState, Loading } from '../../components/feedback/states.tsx'
import { FindingItem } from '../../components/list/finding-item.tsx'
import { withTimes } from '../../time/with-times.tsx'
import { type Finding, problemsIn } from '../../words/finding.ts'
import { counted, sentence } from '../../words/format.ts'
import { Integrity, type Verification, readCheckpoint } from './integrity.tsx'

type Health = {
  readonly verification: Verification
  readonly checkpoint: string
  readonly findings: readonly Finding[]
}

/** Whether all is well, in one line that opens into the details. */
export const Health = ({ refresh }: { readonly refresh: number }) => {
  const loaded = useLoad('health', readHealth)
  const { data, error, reload } = loaded
  useReloadOn(refresh, reload)
  usePolling(loaded)
  if (!data)
    return error ? <ErrorState error={error} onRetry={reload} /> : <Loading what="health" />
  const { findings } = data
  const problems = problemsIn(findings)
  const accepted = findings.filter((finding) => finding.accepted)
  const passed = findings.filter(({ state }) => state === 'ok')
  const state = stateOf(problems)
  return (
    <section aria-labelledby="health">
      <details class={`sheet health ${state}`}>
        <summary>
          <span class="mark" aria-hidden="true" />
          <h2 id="health">{headingFor(state, problems.length)}</h2>
          <span class="gist">{gistOf(problems, accepted.length)}</span>
        </summary>
        {problems.length > 0 && (
          <ul class="findings" aria-label="To look at">
            {problems.map((finding) => (
              <FindingItem key={finding.says} finding={finding} onChange={reload} />
            ))}
          </ul>
        )}
        {accepted.length > 0 && (
          <>
            <h3>Accepted</h3>
            <ul class="findings" aria-label="Accepted">
              {accepted.map((finding) => (
                <FindingItem key={finding.says} finding={finding} onChange={reload} />
              ))}
            </ul>
          </>
        )}
        <h3>The unlock log</h3>
        <Integrity {...data} onChange={reload} />
        <h3>{counted(passed.length, 'check')} passed</h3>
        <ul class="findings passed" aria-label="Passed">
          {passed.map(({ check, says }) => (
            <li key={check}>{withTimes(sentence(says))}</li>
          ))}
        </ul>
      </details>
    </section>
  )
}

const POLL_MS = 1500

/** A verification ends by itself. */
const usePolling = ({ data, reload }: Loaded<Health>): void => {
  const isVerifying = data?.verification.running === true
  useEffect(() => {
    if (!isVerifying) return undefined
    const timer = setTimeout(reload, POLL_MS)
    return () => clearTimeout(timer)
  }, [isVerifying, data])
}

const readHealth = async (signal: AbortSignal): Promise<Health> => {
  const [verification, findings, checkpoint] = await Promise.all([
    api.get<Verification>('/v1/log/verification', { signal }),
    loadFindings(signal),
    readCheckpoint(signal),
  ])
  return { verification, findings, checkpoint }
}

const stateOf = (problems: readonly Finding[]): 'well' | 'warned' | 'failing' => {
  if (problems.some(({ state }) => state === 'fault')) return 'failing'
  return problems.length > 0 ? 'warned' : 'well'
}

const headingFor = (state: ReturnType<typeof stateOf>, count: number): string => {
  if (state === 'well') return 'All is well'
  if (state === 'failing') return 'Needs attention'
  return `${counted(count, 'thing')} to look at`
}

/** The most important problem in its own words. */
const gistOf = ([first, ...more]: readonly Finding[], accepted: number) => {
  if (!first) return accepted > 0 && `${counted(accepted, 'warning')} accepted`
  return (
    <>
      {withTimes(first.says)}
      {more.length > 0 ? ` (and ${more.length} more)` : '.'}
    </>
  )
}
