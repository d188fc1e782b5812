import { useRoute } from 'preact-iso/router'
import { useState } from 'preact/hooks'
import { ApiError, api } from '../../api/client.ts'
import type { Grant } from '../../api/doors.ts'
import { useHolders } from '../../api/holders.ts'
import { useLoad } from '../../api/load.ts'
import { role } from '../../api/session.ts'
import { STATES } from '../../components/door/grant-row.tsx'
import { Occurs } from '../../components/door/occurs.tsx'
import { SuspendedGrant } from '../../components/door/suspended-grant.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Button } from '../../components/form/button.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { ACCESS } from '../../routing/doors.ts'
import { guestAddress } from '../../routing/guests.ts'
import { personAddress } from '../../routing/people-filter.ts'
import { isAtLeast } from '../../routing/sections.ts'
import { ChangeGrant } from './change-grant.tsx'
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
              <SuspendedGrant grant={grant} onConfirmed={changed} />
              <Facts grant={grant} />
              {isOver(grant) ? null : isChanging ? (
                <ChangeGrant
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
                  <RevokeGrant path={path} words={grant.words} onRevoked={changed} />
                </div>
              )}
            </>
          )}
        </WhenLoaded>
      )}
      {data && isOver(data) && <p class="quiet">It can no longer be changed.</p>}
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
      {holder && 'pass' in holder && (
        <p>
          <a href={guestAddress(holder.pass.id)}>
            The pass of {holder.pass.label ?? 'an erased guest'}
          </a>
        </p>
      )}
      {holder && 'account' in holder && (
        <p>
          <a href={personAddress(holder.account)}>{holder.username}’s page</a>
        </p>
      )}
    </section>
  )
}
