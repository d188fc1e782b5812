import { useRoute } from 'preact-iso/router'
import { useState } from 'preact/hooks'
import { ApiError, api } from '../../api/client.ts'
import { type Grant, isInUse, loadDoors } from '../../api/doors.ts'
import { useHolders } from '../../api/holders.ts'
import { useLoad } from '../../api/load.ts'
import { role } from '../../api/session.ts'
import { STATES } from '../../components/door/grant-row.tsx'
import { Occurs } from '../../components/door/occurs.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Button } from '../../components/form/button.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { Section } from '../../components/layout/section.tsx'
import { ACCESS } from '../../routing/doors.ts'
import { personAddress } from '../../routing/people-filter.ts'
import { isAtLeast } from '../../routing/sections.ts'
import { homeZone } from '../../time/time.tsx'
import { type GrantDraft, changesFrom, draftOf } from './grant-draft.ts'
import { GrantForm } from './grant-form.tsx'
import { OtherRules } from './other-rules.tsx'
import { RevokeGrant } from './revoke-grant.tsx'

/** One grant in words, and what an admin can do with it. */
export const GrantPage = () => {
  const { id = '' } = useRoute().params
  const path = `/v1/grants/${encodeURIComponent(id)}`
  const loaded = useLoad(path, (signal) => api.get<Grant>(path, { signal }))
  const { data, error, reload } = loaded
  const [isChanging, setChanging] = useState(false)
  const isGone = error instanceof ApiError && error.status === 404
  const changed = (message: string): void => {
    showToast(message)
    setChanging(false)
    reload()
  }
  return (
    <Screen
      key={isGone ? 'gone' : 'grant'}
      title={isGone ? 'No such rule' : 'Rule'}
      lead={
        <a href={ACCESS}>
          <span aria-hidden="true">← </span>All access
        </a>
      }
    >
      {!isGone && (
        <WhenLoaded what="rule" loaded={loaded}>
          {(grant) => (
            <>
              <Facts grant={grant} />
              {isOver(grant) ? null : isChanging ? (
                <Change
                  key={grant.version}
                  grant={grant}
                  path={path}
                  onChanged={() => changed('Saved.')}
                  onReload={reload}
                  onCancel={() => setChanging(false)}
                />
              ) : (
                <div class="actions">
                  <Button onClick={() => setChanging(true)}>Change</Button>
                  <RevokeGrant
                    path={path}
                    words={grant.words}
                    onRevoked={() => changed('Revoked.')}
                  />
                </div>
              )}
            </>
          )}
        </WhenLoaded>
      )}
      {data && isOver(data) && <p class="quiet">It cannot be changed any more.</p>}
    </Screen>
  )
}

/** Whether it was revoked, or belonged to somebody who is erased. */
const isOver = ({ state, holder }: Grant): boolean => state === 'revoked' || holder === null

const Facts = ({ grant }: { readonly grant: Grant }) => {
  const { id, words, state, uses, used, occurs, holder, locks, why } = grant
  const { people } = useHolders(isAtLeast(role.value, 'admin'))
  const isInForce = state === 'now' || state === 'later'
  const person = people.find((one) => holder && 'account' in holder && one.id === holder.account)
  return (
    <section class="sheet" aria-label="What it means">
      <p class="words big">{words}</p>
      <p class="marks">
        <span class={isInForce ? 'badge' : 'badge stop'}>{STATES[state]}</span>
        {uses !== null && used !== null && (
          <span class="badge">
            used {used} of {uses}
          </span>
        )}
      </p>
      {why && <p>Revoked because: {why}</p>}
      {isInForce && (
        <>
          <h2>Next openings</h2>
          <Occurs occurs={occurs} />
          {person && <OtherRules person={person} doors={locks} except={id} />}
        </>
      )}
      {holder && 'account' in holder && (
        <p>
          <a href={personAddress(holder.account)}>{holder.username}’s page</a>
        </p>
      )}
    </section>
  )
}

type ChangeProps = {
  readonly grant: Grant
  readonly path: string
  readonly onChanged: () => void
  readonly onReload: () => void
  readonly onCancel: () => void
}

const Change = ({ grant, path, onChanged, onReload, onCancel }: ChangeProps) => {
  const doors = useLoad('doors', loadDoors)
  const [isOutdated, setOutdated] = useState(false)
  const initial = draftOf(grant, homeZone())
  const send = async (draft: GrantDraft): Promise<void> => {
    const changes = changesFrom(initial, draft)
    try {
      if (Object.keys(changes).length > 0)
        await api.patch(path, changes, { 'if-match': `"${grant.version}"` })
    } catch (error) {
      if (error instanceof ApiError && error.status === 412) setOutdated(true)
      throw error
    }
    onChanged()
  }
  return (
    <Section title="Change">
      <WhenLoaded what="doors" loaded={doors}>
        {({ locks }) => (
          <GrantForm
            action="Save"
            initial={initial}
            doors={locks.filter((door) => isInUse(door) || grant.locks.includes(door.label))}
            onSend={send}
            messageFor={messageFor}
          />
        )}
      </WhenLoaded>
      <div class="actions">
        {isOutdated && <Button onClick={onReload}>Reload</Button>}
        <Button kind="quiet" onClick={onCancel}>
          Cancel
        </Button>
      </div>
    </Section>
  )
}

const messageFor = (error: unknown): string | undefined =>
  error instanceof ApiError && error.status === 412
    ? 'Somebody changed this a moment ago. Reload it before you change it.'
    : undefined
