import type { Static } from '@sinclair/typebox'
import { useRef } from 'preact/hooks'
import type { SessionsAnswer } from '../../../accounts/sessions/schema.ts'
import { api, withQuery } from '../api.ts'
import { deviceWords } from '../device-words.ts'
import { useLoad } from '../load.ts'
import { Action } from './action.tsx'
import { Section } from './section.tsx'
import { Time } from './time.tsx'
import { tell } from './toast.tsx'
import { WhenLoaded } from './when-loaded.tsx'

type Answer = Static<typeof SessionsAnswer>
type Session = Answer['sessions'][number]

type Props = {
  /** Whose; without it one’s own. */
  readonly person?: { readonly id: string; readonly username: string }
}

/** Where somebody is signed in, and ending that. */
export const SessionList = ({ person }: Props) => {
  const path = withQuery('/v1/sessions', { account: person?.id })
  const loaded = useLoad(path, (signal) => api.get<Answer>(path, { signal }))
  const heading = useRef<HTMLHeadingElement>(null)
  const isOver = (words: string): void => {
    tell(words)
    heading.current?.focus()
    loaded.reload()
  }
  const endAll = async (): Promise<void> => {
    const { msg } = await api.delete<{ readonly msg: string }>(path)
    isOver(`${msg}.`)
  }
  return (
    <Section
      title={person ? 'Where they are signed in' : 'Where you are signed in'}
      heading={heading}
    >
      <WhenLoaded what="the sessions" loaded={loaded}>
        {({ sessions }) => {
          const others = sessions.filter(({ current }) => !current)
          return (
            <>
              {sessions.length === 0 && (
                <p class="quiet">{person?.username ?? 'Nobody'} is signed in nowhere.</p>
              )}
              {sessions.length > 0 && (
                <ul class="list" aria-label="Sessions">
                  {sessions.map((session) => (
                    <li key={session.id}>
                      <Row session={session} onOver={() => isOver('Session ended.')} />
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

type RowProps = { readonly session: Session; readonly onOver: () => void }

const Row = ({ session, onOver }: RowProps) => {
  const device = deviceWords(session.user_agent)
  const end = async (): Promise<void> => {
    await api.delete(`/v1/sessions/${session.id}`)
    onOver()
  }
  return (
    <div class="row with-action">
      <div>
        <strong title={session.user_agent}>{device}</strong>{' '}
        {session.current && <span class="badge">this one</span>}
        <p class="quiet">
          used <Time at={session.used_at} /> from {session.address}, begun{' '}
          <Time at={session.begun_at} />
        </p>
      </div>
      {!session.current && (
        <Action onAct={end} label={`End the session of ${device}`}>
          End
        </Action>
      )}
    </div>
  )
}
