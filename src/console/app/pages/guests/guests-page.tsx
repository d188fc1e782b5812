import { useLocation } from 'preact-iso/router'
import { type Guest, PASSES } from '../../api/guests.ts'
import { api, withQuery } from '../../api/client.ts'
import { useLoad, usePages } from '../../api/load.ts'
import { useRefreshSignal, useReloadOn } from '../../api/refresh.ts'
import { role } from '../../api/session.ts'
import { Screen } from '../../components/layout/screen.tsx'
import { List } from '../../components/list/list.tsx'
import { GUESTS, NEW_GUEST } from '../../routing/guests.ts'
import { isAtLeast } from '../../routing/sections.ts'
import { GuestNotice, needsHost } from './guest-notices.tsx'
import { GuestRow } from './guest-row.tsx'

const STATES = [
  { value: 'now', label: 'Now', empty: 'No guest may open a door now.' },
  { value: 'later', label: 'Later', empty: 'No guest is expected later.' },
  { value: 'ended', label: 'Ended', empty: 'No past guests.' },
] as const

const PAGE_ROWS = 50

/** The newest passes, among which the gateway looks for notices. */
const NOTICES_ROWS = 100

/** The guests: what they need, who may open now, later and no longer. */
export const GuestsPage = () => {
  const { query } = useLocation()
  const shown = STATES.find(({ value }) => value === query['state']) ?? STATES[0]
  const pages = usePages<Guest>(PASSES, { state: shown.value, limit: PAGE_ROWS }, 'passes')
  const notices = useLoad('guest notices', (signal) =>
    api.get<{ readonly passes: readonly Guest[] }>(PASSES, {
      query: { limit: NOTICES_ROWS },
      signal,
    }),
  )
  const refresh = useRefreshSignal(undefined)
  const reload = (): void => {
    pages.reload()
    notices.reload()
  }
  useReloadOn(refresh, reload)
  const handled = (): void => {
    document.querySelector('h1')?.focus()
    reload()
  }
  return (
    <Screen
      title="Guests"
      lead={
        isAtLeast(role.value, 'admin')
          ? 'A link opens the door, without an account or an app.'
          : 'A link opens the door for your guests, while you may open it yourself.'
      }
    >
      {notices.data?.passes.filter(needsHost).map((guest) => (
        <GuestNotice key={guest.id} guest={guest} onChange={handled} isLinked />
      ))}
      <div class="bar-of-choices">
        <nav class="segments" aria-label="Which guests">
          {STATES.map(({ value, label }) => (
            <a
              key={value}
              href={withQuery(GUESTS, value === 'now' ? {} : { state: value })}
              aria-current={value === shown.value ? 'page' : undefined}
            >
              {label}
            </a>
          ))}
        </nav>
        <a class="button main" href={NEW_GUEST}>
          New guest
        </a>
      </div>
      <List
        key={shown.value}
        label="Guests"
        pages={pages}
        keyOf={({ id }) => id}
        row={(guest) => <GuestRow guest={guest} />}
        empty={shown.empty}
      />
    </Screen>
  )
}
