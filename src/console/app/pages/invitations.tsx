import type { Static } from '@sinclair/typebox'
import { useRef, useState } from 'preact/hooks'
import type { InvitationsAnswer } from '../../../accounts/invitations/schema.ts'
import { api } from '../api.ts'
import { Button } from '../components/button.tsx'
import { Confirm } from '../components/dialog.tsx'
import { List } from '../components/list.tsx'
import { Screen } from '../components/screen.tsx'
import { Time } from '../components/time.tsx'
import { tell } from '../components/toast.tsx'
import { usePages } from '../load.ts'
import { personAddress, roleWord } from '../people.ts'
import { role } from '../session.ts'
import { counted } from '../words.ts'
import { InvitationForm } from './invitation-form.tsx'

type Invitation = Static<typeof InvitationsAnswer>['invitations'][number]

/** Inviting people, and what became of earlier invitations. */
export const InvitationsPage = () => {
  const pages = usePages<Invitation>('/v1/invitations', { limit: 50 }, 'invitations')
  const list = useRef<HTMLHeadingElement>(null)
  return (
    <Screen
      title="Invitations"
      lead="Whoever has an invitation makes an account with it, by the app or in a browser."
    >
      <InvitationForm onMade={pages.reload} />
      <h2 ref={list} tabIndex={-1} class="list-title">
        Earlier invitations
      </h2>
      <List
        label="Invitations"
        pages={pages}
        keyOf={({ id }) => id}
        row={(invitation) => (
          <Row
            invitation={invitation}
            onRevoked={() => {
              tell('Invitation revoked.')
              pages.reload()
              list.current?.focus()
            }}
          />
        )}
        empty="Nobody was invited yet. An invitation is a code, a link and a picture of it."
      />
    </Screen>
  )
}

const STATES: Readonly<Record<Invitation['state'], string>> = {
  open: 'open',
  suspended: 'suspended',
  expired: 'over',
  used_up: 'used up',
  revoked: 'revoked',
}

type Props = { readonly invitation: Invitation; readonly onRevoked: () => void }

const Row = ({ invitation, onRevoked }: Props) => {
  const { state, role: given, made_by: by, uses, uses_max: usesMax } = invitation
  const isGood = state === 'open' || state === 'suspended'
  const mayRevoke = isGood && (role.value === 'owner' || given === 'member')
  return (
    <div class="row with-action">
      <div>
        <strong>{nameOf(invitation)}</strong>{' '}
        <span class={state === 'open' ? 'badge' : 'badge warning'}>{STATES[state]}</span>{' '}
        {given !== 'member' && <span class="badge">{roleWord(given).toLowerCase()}</span>}
        <p class="quiet">
          {by ? `by ${by.username ?? 'somebody erased since'}` : 'by the command line'},{' '}
          <Time at={invitation.made_at} />; used {uses} of {counted(usesMax, 'time')}
          {isGood && (
            <>
              ; good until <Time at={invitation.expires_at} />
            </>
          )}
          {state === 'suspended' && '; whoever made it may not invite any more'}
        </p>
        {invitation.accounts.length > 0 && <Accounts accounts={invitation.accounts} />}
      </div>
      {mayRevoke && <Revoke invitation={invitation} onRevoked={onRevoked} />}
    </div>
  )
}

const nameOf = ({ label }: Invitation): string => label || 'Without a label'

const Accounts = ({ accounts }: Pick<Invitation, 'accounts'>) => (
  <p>
    Made{' '}
    {accounts.map(({ public_id: id, username }, at) => (
      <span key={id}>
        {at > 0 && ', '}
        <a href={personAddress(id)}>{username ?? 'an account'}</a>
      </span>
    ))}
  </p>
)

const Revoke = ({ invitation, onRevoked }: Props) => {
  const [isAsked, setAsked] = useState(false)
  const name = nameOf(invitation)
  return (
    <>
      <Button aria-label={`Revoke: ${name}`} onClick={() => setAsked(true)}>
        Revoke
      </Button>
      <Confirm
        title={`Revoke “${name}”?`}
        action="Revoke it"
        isDangerous
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={() => api.delete(`/v1/invitations/${invitation.id}`)}
        onDone={onRevoked}
      >
        <p>Nobody can use it from then on. Accounts that it made stay as they are.</p>
      </Confirm>
    </>
  )
}
