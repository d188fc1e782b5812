import { useLocation } from 'preact-iso/router'
import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import { useLoad } from '../../api/load.ts'
import { type Target, loadTargets } from '../../api/targets.ts'
import { SecretOnce } from '../../components/codes/secret-once.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Choices } from '../../components/form/choices.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { MYSELF, CONNECTIONS, connectionAddress } from '../../routing/connections.ts'
import { KINDS } from './kinds.ts'
import { SECRET_WORDS } from './new-secret.tsx'
import { type TargetDraft, TargetForm } from './target-form.tsx'

type Props = { readonly isPersonal: boolean }

/** The page with the form for a new connection. */
export const NewTargetPage = ({ isPersonal }: Props) => {
  const { route } = useLocation()
  const loaded = useLoad('targets', loadTargets)
  const [added, setAdded] = useState<Target>()
  const [chosen, setChosen] = useState('')
  const send = async (kind: string, draft: TargetDraft): Promise<void> => {
    const target = await api.post<Target>('/v1/targets', { kind, ...draft, personal: isPersonal })
    showToast(`${target.name} was added.`)
    if (target.secret === undefined) route(connectionAddress(target), true)
    else setAdded(target)
  }
  if (added?.secret !== undefined)
    return (
      <Screen title={added.name}>
        <SecretOnce
          title="The secret of this webhook"
          secret={added.secret}
          what="secret"
          onDone={() => route(connectionAddress(added), true)}
        >
          {SECRET_WORDS}
        </SecretOnce>
      </Screen>
    )
  return (
    <Screen
      title={isPersonal ? 'Notify me' : 'Add a connection'}
      lead={
        <a href={isPersonal ? MYSELF : CONNECTIONS}>
          <span aria-hidden="true">← </span>
          {isPersonal ? 'Myself' : 'All connections'}
        </a>
      }
    >
      <WhenLoaded what="connections" loaded={loaded}>
        {({ kinds }) => {
          const known = isPersonal ? kinds.personal : kinds.home
          const options = Object.entries(KINDS).flatMap(([value, { label, description }]) =>
            known.includes(value) ? [{ value, label, description }] : [],
          )
          const kind = chosen || options[0]?.value
          if (kind === undefined) return <p>There is nothing you can add.</p>
          return (
            <div class="sheet">
              <Choices label="How" name="kind" options={options} value={kind} onValue={setChosen} />
              <TargetForm
                key={kind}
                action={isPersonal ? 'Notify me' : 'Add'}
                kind={kind}
                isPersonal={isPersonal}
                onSend={(draft) => send(kind, draft)}
              />
            </div>
          )
        }}
      </WhenLoaded>
    </Screen>
  )
}
