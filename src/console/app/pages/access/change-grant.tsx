import { useState } from 'preact/hooks'
import { ApiError, api } from '../../api/client.ts'
import { type Door, type Grant, isInUse, loadDoors } from '../../api/doors.ts'
import { useLoad } from '../../api/load.ts'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Button } from '../../components/form/button.tsx'
import { Section } from '../../components/layout/section.tsx'
import { homeZone } from '../../time/time.tsx'
import { type GrantDraft, changesFrom, draftOf } from './grant-draft.ts'
import { GrantForm } from './grant-form.tsx'

type ChangeProps = {
  readonly grant: Grant
  readonly path: string
  /** Whether it may be for all doors, including later ones; true by default. */
  readonly mayBeAll?: boolean
  /** Whether a door may be added; any by default. */
  readonly mayOffer?: (door: Door) => boolean
  readonly messageFor?: (error: unknown) => string | undefined
  readonly onChanged: () => void
  readonly onReload: () => void
  readonly onCancel: () => void
}

/** Changes which doors a grant opens and when. */
export const ChangeGrant = (props: ChangeProps) => {
  const {
    grant,
    path,
    mayBeAll = true,
    mayOffer = () => true,
    onChanged,
    onReload,
    onCancel,
  } = props
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
            doors={locks.filter(
              (door) => (isInUse(door) && mayOffer(door)) || grant.locks.includes(door.label),
            )}
            mayBeAll={mayBeAll || grant.locks === 'all'}
            onSend={send}
            messageFor={(error) => outdatedWords(error) ?? props.messageFor?.(error)}
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

const outdatedWords = (error: unknown): string | undefined =>
  error instanceof ApiError && error.status === 412
    ? 'Somebody changed this a moment ago. Reload it before you change it.'
    : undefined
