import { useLocation, useRoute } from 'preact-iso/router'
import { useState } from 'preact/hooks'
import { ApiError, api } from '../../api/client.ts'
import { type Guest, passPath } from '../../api/guests.ts'
import { type Loaded, useLoad, usePages } from '../../api/load.ts'
import { useRefreshSignal, useReloadOn } from '../../api/refresh.ts'
import { me, role } from '../../api/session.ts'
import { Occurs } from '../../components/door/occurs.tsx'
import { SuspendedGrant } from '../../components/door/suspended-grant.tsx'
import { Note } from '../../components/feedback/states.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Button } from '../../components/form/button.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { Section } from '../../components/layout/section.tsx'
import { List } from '../../components/list/list.tsx'
import { UnlockItem } from '../../components/list/unlock-row.tsx'
import { GUESTS } from '../../routing/guests.ts'
import { isAtLeast } from '../../routing/sections.ts'
import { withoutRepeats } from '../../words/repeats.ts'
import type { Unlock } from '../../words/unlock.ts'
import { ChangeGrant } from '../access/change-grant.tsx'
import { RevokeGrant } from '../access/revoke-grant.tsx'
import { EraseGuest } from './erase-guest.tsx'
import { GuestNotice, needsHost } from './guest-notices.tsx'
import { PhoneWords } from './guest-row.tsx'
import { GUEST_STATES } from './guest-words.ts'
import { beyondWords, mayOffer } from './new-guest-page.tsx'
import { NewLink } from './new-link.tsx'
import { withoutHolder } from './pass-text.ts'
import { Phones } from './phones.tsx'

/** One guest: what they may open, on which phones, what they did, and what their host can do about it. */
export const GuestPage = () => {
  const { id = '' } = useRoute().params
  const path = passPath(id)
  const loaded = useLoad(path, (signal) => api.get<Guest>(path, { signal }))
  const refresh = useRefreshSignal(undefined)
  useReloadOn(refresh, loaded.reload)
  const isGone = loaded.error instanceof ApiError && loaded.error.status === 404
  return (
    <Screen
      key={isGone ? 'gone' : 'guest'}
      title={isGone ? 'No such guest' : loaded.data ? loaded.data.label : 'Guest'}
      lead={
        <a href={GUESTS}>
          <span aria-hidden="true">← </span>All guests
        </a>
      }
    >
      {!isGone && (
        <WhenLoaded what="guest" loaded={loaded}>
          {(guest) => <Parts guest={guest} loaded={loaded} refresh={refresh} />}
        </WhenLoaded>
      )}
    </Screen>
  )
}

type PartsProps = {
  readonly guest: Guest
  readonly loaded: Loaded<Guest>
  readonly refresh: number
}

const Parts = ({ guest, loaded: { reload }, refresh }: PartsProps) => {
  const { route } = useLocation()
  const [isChanging, setChanging] = useState(false)
  const [changes, setChanges] = useState(0)
  const { grant, state } = guest
  const name = guest.label
  const isOver = state === 'revoked'
  const path = `/v1/grants/${encodeURIComponent(grant.id)}`
  const changed = (message: string): void => {
    showToast(message)
    setChanging(false)
    setChanges((before) => before + 1)
    document.querySelector('h1')?.focus()
    reload()
  }
  return (
    <>
      {needsHost(guest) && <GuestNotice guest={guest} onChange={() => changed('Done.')} />}
      <SuspendedGrant grant={grant} onConfirmed={changed} />
      <Facts guest={guest} />
      {isChanging ? (
        <ChangeGrant
          key={grant.version}
          grant={grant}
          path={path}
          mayBeAll={isAtLeast(role.value, 'admin')}
          mayOffer={mayOffer}
          messageFor={beyondWords}
          onChanged={() => changed('Saved, effective now. The link stays the same.')}
          onReload={reload}
          onCancel={() => setChanging(false)}
        />
      ) : (
        !isOver && (
          <div class="actions below">
            <Button onClick={() => setChanging(true)}>Change doors or times</Button>
            <RevokeGrant path={path} what="pass" words={grant.words} onRevoked={changed} />
          </div>
        )
      )}
      {!isOver && <NewLink guest={guest} onChange={reload} />}
      <Phones guest={guest} onChange={changed} isOver={isOver || state === 'ended'} />
      <History guest={guest} refresh={refresh + changes} />
      <EraseGuest
        guest={guest}
        onErased={() => {
          showToast(`${name} is erased.`)
          route(GUESTS, true)
        }}
      />
    </>
  )
}

const Facts = ({ guest }: { readonly guest: Guest }) => {
  const { state, grant, host } = guest
  const { uses, used, occurs, why } = grant
  const isInForce = state === 'now' || state === 'later'
  const isMine = host !== null && host.id === me.value?.id
  const hostName = host === null ? 'the gateway' : (host.name ?? 'an erased person')
  return (
    <section class="sheet" aria-label="What it means">
      <p class="words big">{withoutHolder(grant.words, guest.label)}</p>
      <p class="marks">
        <span class={isInForce ? 'badge' : 'badge stop'}>{GUEST_STATES[state]}</span>
        {uses !== null && used !== null && (
          <span class="badge">
            used {used} of {uses}
          </span>
        )}
        {!isMine && <span class="badge">guest of {hostName}</span>}
      </p>
      <p class="quiet">
        <PhoneWords guest={guest} />
      </p>
      {state === 'suspended' && grant.suspended_at === null && (
        <Note kind="warning">
          {isMine ? 'You' : hostName} may not open these doors now, so the pass does not either. It
          works again when {isMine ? 'you do' : 'they do'}.
        </Note>
      )}
      {why && <p>Revoked because: {why}</p>}
      {isInForce && (
        <>
          <h2>Next openings</h2>
          <Occurs occurs={occurs} />
        </>
      )}
    </section>
  )
}

const ROWS = 20

const History = ({ guest, refresh }: { readonly guest: Guest; readonly refresh: number }) => {
  const pages = usePages<Unlock>(`${passPath(guest.id)}/unlocks`, { limit: ROWS }, 'unlocks')
  useReloadOn(refresh, pages.reload)
  return (
    <Section title="What they did">
      <List
        label="What they did"
        pages={{ ...pages, rows: pages.rows && withoutRepeats(pages.rows) }}
        keyOf={({ seq }) => seq}
        row={(unlock) => <UnlockItem unlock={unlock} isLinked={isAtLeast(role.value, 'admin')} />}
        empty="Nothing yet."
      />
    </Section>
  )
}
