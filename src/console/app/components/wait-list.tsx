import type { Static } from '@sinclair/typebox'
import { useEffect, useRef } from 'preact/hooks'
import type { LockoutsAnswer } from '../../../accounts/lockout/schema.ts'
import { api, withQuery } from '../api.ts'
import { type Loaded, useLoad } from '../load.ts'
import { counted } from '../words.ts'
import { Action } from './action.tsx'
import { Section } from './section.tsx'
import { Time } from './time.tsx'
import { tell } from './toast.tsx'
import { WhenLoaded } from './when-loaded.tsx'

type Answer = Static<typeof LockoutsAnswer>
type Wait = Answer['lockouts'][number]

/** Who is refused after too many failed logins, and letting them in; at one account only where there
 * is something to tell. */
export const WaitList = ({ account }: { readonly account?: string }) => {
  const path = withQuery('/v1/lockouts', { account })
  const loaded = useLoad(path, (signal) => api.get<Answer>(path, { signal }))
  const heading = useRef<HTMLHeadingElement>(null)
  const isNeeded = useRef(account === undefined)
  useReadAgain(loaded)
  if (loaded.data?.lockouts.length || loaded.error !== undefined) isNeeded.current = true
  if (!isNeeded.current) return null
  const lift = async ({ id }: Wait): Promise<void> => {
    await api.delete(`/v1/lockouts/${id}`)
    tell('Wait lifted. The next failures are counted from the first.')
    heading.current?.focus()
    loaded.reload()
  }
  return (
    <Section
      title="Who has to wait"
      lead="After ten failed logins in a row even the right password is refused for a while: 30 seconds at first, up to an hour."
      heading={heading}
    >
      <WhenLoaded what="the waits" loaded={loaded}>
        {({ lockouts, total }) =>
          lockouts.length === 0 ? (
            <p class="quiet">Nobody has to wait.</p>
          ) : (
            <>
              <ul class="list" aria-label="Waits">
                {lockouts.map((wait) => (
                  <li key={wait.id}>
                    <Row wait={wait} onLift={() => lift(wait)} />
                  </li>
                ))}
              </ul>
              {total > lockouts.length && (
                <p class="quiet">
                  These are {lockouts.length} of {total}.
                </p>
              )}
            </>
          )
        }
      </WhenLoaded>
    </Section>
  )
}

const READ_MS_MIN = 1000
const READ_MS_MAX = 20_000

/** Waits end and begin by themselves. */
const useReadAgain = ({ data, reload }: Loaded<Answer>): void => {
  useEffect(() => {
    const ends = data?.lockouts.map((wait) => Date.parse(wait.locked_until) - Date.now()) ?? []
    const ms = Math.min(Math.max(Math.min(...ends) + READ_MS_MIN, READ_MS_MIN), READ_MS_MAX)
    const timer = setTimeout(reload, ms)
    return () => clearTimeout(timer)
  }, [data])
}

const Row = ({ wait, onLift }: { readonly wait: Wait; readonly onLift: () => Promise<void> }) => (
  <div class="row with-action">
    <div>
      <strong>{whoWaits(wait)}</strong>
      <p class="quiet">
        {counted(wait.failures, 'failed login')}, the last <Time at={wait.failed_at} />; waits until{' '}
        <Time at={wait.locked_until} form="clock" />
      </p>
    </div>
    <Action onAct={onLift} label={`Lift: ${whoWaits(wait)}`}>
      Lift
    </Action>
  </div>
)

const whoWaits = ({ kind, username, address }: Wait): string => {
  const who = address ?? 'One client'
  const name = username ?? 'a name that has no account'
  if (kind === 'client_at_name') return `${who} at ${name}`
  return kind === 'name' ? `Devices new to ${name}` : `${who} at all names that are new to it`
}
