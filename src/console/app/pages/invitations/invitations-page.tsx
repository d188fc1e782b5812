import type { Static } from '@sinclair/typebox'
import { useRef, useState } from 'preact/hooks'
import type { InvitationsAnswer } from '../../../../accounts/invitations/schema.ts'
import { api } from '../../api/client.ts'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { List } from '../../components/list/list.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { Time } from '../../time/time.tsx'
import { showToast } from '../../components/feedback/toast.tsx'
import { usePages } from '../../api/load.ts'
import { personAddress } from '../../routing/people-filter.ts'
import { roleName } from '../../words/role.ts'
import { role } from '../../api/session.ts'
import { counted } from '../../words/format.ts'
import { InvitationForm } from './invitation-form.tsx'

type Invitation = Static<typeof InvitationsAnswer>['invitations'][number]

/** Creates invitations and lists them. */
export const InvitationsPage = () => {
  const pages = usePages<Invitation>('/v1/invitations', { limit: 50 }, 'invitations')
  const list = useRef<HTMLHeadingElement>(null)
  return (
    <Screen
      title="Invitations"
      lead="Anyone with an invitation can register, in the app or in a browser."
    >
      <InvitationForm onCreated={pages.reload} />
      <h2 ref={list} tabIndex={-1} class="list-title">
        All invitations
      </h2>
      <List
        label="Invitations"
        pages={pages}
        keyOf={({ id }) => id}
        row={(invitation) => (
          <Row
            invitation={invitation}
            onRevoked={() => {
              showToast('Invitation revoked.')
              pages.reload()
              list.current?.focus()
            }}
          />
        )}
        empty="No invitations yet. An invitation is a code, a link and a QR code."
      />
    </Screen>
  )
}

const STATES: Readonly<Record<Invitation['state'], string>> = {
  open: 'open',
  suspended: 'suspended',
  expired: 'expired',
  used_up: 'used up',
  revoked: 'revoked',
}

type Props = { readonly invitation: Invitation; readonly onRevoked: () => void }

const Row = ({ invitation, onRevoked }: Props) => {
  const { state, role: given, made_by: by } = invitation
  const isValid = state === 'open' || state === 'suspended'
  const mayRevoke = isValid && (role.value === 'owner' || given === 'member')
  return (
    <div class="row with-action">
      <div>
        <strong>{nameOf(invitation)}</strong>{' '}
        <span class={state === 'open' ? 'badge' : 'badge warning'}>{STATES[state]}</span>{' '}
        {given !== 'member' && <span class="badge">{roleName(given)}</span>}
        <p class="quiet">
          Created {by ? `by ${by.username ?? 'an erased person'}` : 'on the gateway'},{' '}
          <Time at={invitation.made_at} />. {usageOf(invitation)}.
          {isValid && (
            <>
              {' '}
              Expires <Time at={invitation.expires_at} />.
            </>
          )}
          {state === 'suspended' && ' Suspended because its creator may no longer invite people.'}
        </p>
        {invitation.accounts.length > 0 && <Accounts accounts={invitation.accounts} />}
      </div>
      {mayRevoke && <Revoke invitation={invitation} onRevoked={onRevoked} />}
    </div>
  )
}

const usageOf = ({ uses, uses_max: usesMax }: Invitation): string => {
  if (uses === 0) return 'Not used yet'
  return usesMax === 1 ? 'Used once' : `Used ${uses} of ${counted(usesMax, 'time')}`
}

const nameOf = ({ label, unit }: Invitation): string =>
  [unit, label].filter(Boolean).join(', ') || 'Invitation'

const Accounts = ({ accounts }: Pick<Invitation, 'accounts'>) => (
  <p>
    Registered:{' '}
    {accounts.map(({ public_id: id, username }, index) => (
      <span key={id}>
        {index > 0 && ', '}
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
        action="Revoke"
        isDangerous
        isOpen={isAsked}
        onClose={() => setAsked(false)}
        onConfirm={() => api.delete(`/v1/invitations/${invitation.id}`)}
        onDone={onRevoked}
      >
        <p>Nobody can register with it any more. Existing accounts stay.</p>
      </Confirm>
    </>
  )
}
