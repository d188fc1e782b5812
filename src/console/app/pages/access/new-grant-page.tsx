import { useLocation } from 'preact-iso/router'
import { api } from '../../api/client.ts'
import { type Grant, isInUse, loadDoors } from '../../api/doors.ts'
import { useHolders } from '../../api/holders.ts'
import { useLoad } from '../../api/load.ts'
import { showToast } from '../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { ACCESS, grantAddress } from '../../routing/doors.ts'
import { type GrantDraft, grantBody, holderBody, newDraft } from './grant-draft.ts'
import { GrantForm } from './grant-form.tsx'
import { OtherRules } from './other-rules.tsx'
import { WhoField } from './who-field.tsx'

/** The page with the form for a new rule. */
export const NewGrantPage = () => {
  const { query, route } = useLocation()
  const doors = useLoad('doors', loadDoors)
  const holders = useHolders(true)
  const send = async (draft: GrantDraft): Promise<void> => {
    const body = { holder: holderBody(draft.holder), ...grantBody(draft) }
    const { id } = await api.post<Grant>('/v1/grants', body)
    showToast('Access given.')
    route(grantAddress(id), true)
  }
  return (
    <Screen
      title="Give access"
      lead={
        <a href={ACCESS}>
          <span aria-hidden="true">← </span>All access
        </a>
      }
    >
      <WhenLoaded what="doors" loaded={doors}>
        {({ locks }) => (
          <div class="sheet">
            <GrantForm
              action="Give access"
              initial={newDraft(query)}
              doors={locks.filter(isInUse)}
              onSend={send}
              who={({ holder }, change) => (
                <WhoField holders={holders} value={holder} onValue={change} />
              )}
              note={({ holder, isForAllDoors, doors: chosen }) => {
                const person = holders.people.find(({ id }) => holder === `account:${id}`)
                return (
                  person && <OtherRules person={person} doors={isForAllDoors ? 'all' : chosen} />
                )
              }}
            />
          </div>
        )}
      </WhenLoaded>
    </Screen>
  )
}
