import type { Static } from '@sinclair/typebox'
import { useEffect, useRef } from 'preact/hooks'
import type { LockoutsAnswer } from '../../../../accounts/lockout/schema.ts'
import { api, withQuery } from '../../api/client.ts'
import { type Loaded, useLoad } from '../../api/load.ts'
import { Time } from '../../time/time.tsx'
import { counted } from '../../words/format.ts'
import { showToast } from '../feedback/toast.tsx'
import { WhenLoaded } from '../feedback/when-loaded.tsx'
import { Action } from '../form/action.tsx'
import { Section } from '../layout/section.tsx'

type Answer = Static<typeof LockoutsAnswer>
type Lockout = Answer['lockouts'][number]

/** Lists the lockouts and clears them. For a single account, it shows nothing if there is none. */
export const LockoutList = ({ account }: { readonly account?: string }) => {
  const path = withQuery('/v1/lockouts', { account })
  const loaded = useLoad(path, (signal) => api.get<Answer>(path, { signal }))
  const heading = useRef<HTMLHeadingElement>(null)
  const isNeeded = useRef(account === undefined)
  useRegularReload(loaded)
  if (loaded.data?.lockouts.length || loaded.error !== undefined) isNeeded.current = true
  if (!isNeeded.current) return null
  const clear = async ({ id }: Lockout): Promise<void> => {
    await api.delete(`/v1/lockouts/${id}`)
    showToast('Lockout cleared. Failed logins are counted from zero again.')
    heading.current?.focus()
    loaded.reload()
  }
  return (
    <Section
      title="Lockouts"
      lead="After ten failed logins in a row, even the right password is refused for a while: 30 seconds at first, up to an hour."
      heading={heading}
    >
      <WhenLoaded what="lockouts" loaded={loaded}>
        {({ lockouts, total }) =>
          lockouts.length === 0 ? (
            <p class="quiet">Nobody is locked out.</p>
          ) : (
            <>
              <ul class="list" aria-label="Lockouts">
                {lockouts.map((lockout) => (
                  <li key={lockout.id}>
                    <Row lockout={lockout} onClear={() => clear(lockout)} />
                  </li>
                ))}
              </ul>
              {total > lockouts.length && (
                <p class="quiet">
                  Showing {lockouts.length} of {total}.
                </p>
              )}
            </>
          )
        }
      </WhenLoaded>
    </Section>
  )
}

const RELOAD_MS_MIN = 1000
const RELOAD_MS_MAX = 20_000

/** Lockouts start and end by themselves. */
const useRegularReload = ({ data, reload }: Loaded<Answer>): void => {
  useEffect(() => {
    const msLeft = data?.lockouts.map(({ locked_until: end }) => Date.parse(end) - Date.now()) ?? []
    const ms = Math.min(Math.max(Math.min(...msLeft) + RELOAD_MS_MIN, RELOAD_MS_MIN), RELOAD_MS_MAX)
    const timer = setTimeout(reload, ms)
    return () => clearTimeout(timer)
  }, [data])
}

type RowProps = { readonly lockout: Lockout; readonly onClear: () => Promise<void> }

const Row = ({ lockout, onClear }: RowProps) => (
  <div class="row with-action">
    <div>
      <strong>{whoIsLockedOut(lockout)}</strong>
      <p class="quiet">
        {counted(lockout.failures, 'failed login')}, the last <Time at={lockout.failed_at} />.
        Locked out until <Time at={lockout.locked_until} format="clock" />.
      </p>
    </div>
    <Action onAct={onClear} label={`Clear lockout: ${whoIsLockedOut(lockout)}`}>
      Clear lockout
    </Action>
  </div>
)

const whoIsLockedOut = ({ kind, place, username, address }: Lockout): string => {
  const client = address ?? 'One client'
  const name = username ?? 'a name without an account'
  const where = place === 'tables' ? ', only at /getLogs and /getUsers' : ''
  if (kind === 'client_at_name') return `${client} for ${name}${where}`
  return kind === 'name'
    ? `New devices of ${name}`
    : `${client} for all names it has not used before${where}`
}
