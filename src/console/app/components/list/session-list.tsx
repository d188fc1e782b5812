import type { Static } from '@sinclair/typebox'
import { useRef } from 'preact/hooks'
import type { SessionsAnswer } from '../../../../accounts/sessions/schema.ts'
import { api, withQuery } from '../../api/client.ts'
import { useLoad } from '../../api/load.ts'
import { Time } from '../../time/time.tsx'
import { describeUserAgent } from '../../words/user-agent.ts'
import { showToast } from '../feedback/toast.tsx'
import { WhenLoaded } from '../feedback/when-loaded.tsx'
import { Action } from '../form/action.tsx'
import { Section } from '../layout/section.tsx'

type Answer = Static<typeof SessionsAnswer>
type Session = Answer['sessions'][number]

type Props = {
  /** Another person; without one, the list shows your own sessions. */
  readonly person?: { readonly id: string; readonly username: string }
}

/** Lists the sessions of an account and ends them. */
export const SessionList = ({ person }: Props) => {
  const path = withQuery('/v1/sessions', { account: person?.id })
  const loaded = useLoad(path, (signal) => api.get<Answer>(path, { signal }))
  const heading = useRef<HTMLHeadingElement>(null)
  const ended = (message: string): void => {
    showToast(message)
    heading.current?.focus()
    loaded.reload()
  }
  const endAll = async (): Promise<void> => {
    const { msg } = await api.delete<{ readonly msg: string }>(path)
    ended(`${msg}.`)
  }
  return (
    <Section
      title={person ? 'Where they are logged in' : 'Where you are logged in'}
      heading={heading}
    >
      <WhenLoaded what="sessions" loaded={loaded}>
        {({ sessions }) => {
          const others = sessions.filter(({ current }) => !current)
          return (
            <>
              {sessions.length === 0 && (
                <p class="quiet">{person?.username ?? 'This account'} is not logged in anywhere.</p>
              )}
              {sessions.length > 0 && (
                <ul class="list" aria-label="Sessions">
                  {sessions.map((session) => (
                    <li key={session.id}>
                      <Row session={session} onEnded={() => ended('Session ended.')} />
                    </li>
                  ))}
                </ul>
              )}
              {others.length > 1 && (
                <Action onAct={endAll}>{person ? 'End all' : 'End all others'}</Action>
              )}
            </>
          )
        }}
      </WhenLoaded>
    </Section>
  )
}

type RowProps = { readonly session: Session; readonly onEnded: () => void }

const Row = ({ session, onEnded }: RowProps) => {
  const name = describeUserAgent(session.user_agent)
  const end = async (): Promise<void> => {
    await api.delete(`/v1/sessions/${session.id}`)
    onEnded()
  }
  return (
    <div class="row with-action">
      <div>
        <strong title={session.user_agent}>{name}</strong>{' '}
        {session.current && <span class="badge">this session</span>}
        <p class="quiet">
          Last used <Time at={session.used_at} /> from {session.address}, started{' '}
          <Time at={session.begun_at} />
        </p>
      </div>
      {!session.current && (
        <Action onAct={end} label={`End session: ${name}`}>
          End
        </Action>
      )}
    </div>
  )
}
