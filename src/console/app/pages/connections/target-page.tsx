import { useLocation, useRoute } from 'preact-iso/router'
import { useState } from 'preact/hooks'
import { ApiError, api } from '../../api/client.ts'
import { useLoad } from '../../api/load.ts'
import { useRefreshSignal, useReloadOn } from '../../api/refresh.ts'
import { BROKER, type Target, changeTarget, targetPath } from '../../api/targets.ts'
import { showToast } from '../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { Section } from '../../components/layout/section.tsx'
import { CONNECTIONS, MYSELF } from '../../routing/connections.ts'
import { Deliveries } from './deliveries.tsx'
import { kindLabel } from './kinds.ts'
import { NewSecret } from './new-secret.tsx'
import { OnOffButton, TestButton } from './target-actions.tsx'
import { TargetForm } from './target-form.tsx'
import { TargetState, Waiting } from './target-state.tsx'

/** One connection: its state, its messages, and how to change it. */
export const TargetPage = () => {
  const { id = '' } = useRoute().params
  const loaded = useLoad(`target ${id}`, (signal) => api.get<Target>(targetPath(id), { signal }))
  const refresh = useRefreshSignal(undefined)
  useReloadOn(refresh, loaded.reload)
  const target = loaded.data
  const isPersonal = target ? target.account !== null : false
  return (
    <Screen
      title={target?.name ?? 'Connection'}
      lead={
        <a href={isPersonal ? MYSELF : CONNECTIONS}>
          <span aria-hidden="true">← </span>
          {isPersonal ? 'Myself' : 'All connections'}
        </a>
      }
    >
      <WhenLoaded what="connection" loaded={loaded}>
        {(shown) => <Parts target={shown} refresh={refresh} onChange={loaded.reload} />}
      </WhenLoaded>
    </Screen>
  )
}

type Props = {
  readonly target: Target
  readonly refresh: number
  readonly onChange: () => void
}

const Parts = ({ target, refresh, onChange }: Props) => {
  const [changes, setChanges] = useState(0)
  const changed = (): void => {
    setChanges((before) => before + 1)
    onChange()
  }
  return (
    <>
      <article class="sheet door" aria-label="State">
        <p class="quiet">{kindLabel(target.kind)}</p>
        <TargetState target={target} />
        <Waiting target={target} />
        <div class="actions">
          <TestButton target={target} onChange={changed} />
          <OnOffButton target={target} onChange={changed} />
        </div>
      </article>
      <Deliveries target={target} refresh={refresh + changes} onChange={onChange} />
      <Change target={target} onChange={changed} />
    </>
  )
}

const Change = ({ target, onChange }: Omit<Props, 'refresh'>) => {
  const { route } = useLocation()
  const [isAsked, setAsked] = useState(false)
  const isPersonal = target.account !== null
  const isBroker = target.kind === BROKER
  return (
    <Section title="Change">
      <TargetForm
        // Only the form begins anew: a dialog stays open, and a new secret stays in view.
        key={target.version}
        action="Save"
        kind={target.kind}
        target={target}
        isPersonal={isPersonal}
        onSend={async (draft) => {
          await changeTarget(target, draft)
          showToast('Saved.')
          onChange()
        }}
        messageFor={(error) =>
          error instanceof ApiError && error.status === 412 ? CHANGED : undefined
        }
      />
      {target.kind === 'webhook' && <NewSecret target={target} onChange={onChange} />}
      {!isBroker && (
        <div class="offer">
          <p>
            <strong>No longer needed?</strong>{' '}
            <span class="quiet">Waiting messages will not be sent.</span>
          </p>
          <Button onClick={() => setAsked(true)}>Remove</Button>
          <Confirm
            title={`Remove ${target.name}?`}
            action={`Remove ${target.name}`}
            isDangerous
            isOpen={isAsked}
            onClose={() => setAsked(false)}
            onConfirm={() => api.delete(targetPath(target.id))}
            onDone={() => {
              showToast(`${target.name} was removed.`)
              route(isPersonal ? MYSELF : CONNECTIONS, true)
            }}
          >
            <p>It will receive nothing more.</p>
          </Confirm>
        </div>
      )}
    </Section>
  )
}

const CHANGED = 'Somebody changed this a moment ago. Reload the page, and look again.'
