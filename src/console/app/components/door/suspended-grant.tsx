import { api } from '../../api/client.ts'
import type { Grant } from '../../api/doors.ts'
import { role } from '../../api/session.ts'
import { Note } from '../feedback/states.tsx'
import { Action } from '../form/action.tsx'

type Props = {
  readonly grant: Grant
  /** Called with what to tell the person. */
  readonly onConfirmed: (message: string) => void
}

/** Says that a grant opens nothing until an owner confirms it, with a button; nothing for other grants. */
export const SuspendedGrant = ({ grant, onConfirmed }: Props) =>
  grant.suspended_at !== null &&
  grant.revoked_at === null && (
    <Note kind="warning">
      <p>
        It opens nothing until an owner confirms it: it is from a restored backup and may have been
        revoked or used up since, or its host was erased.
      </p>
      {role.value === 'owner' && (
        <Action
          kind="main"
          onAct={async () => {
            await api.post(`/v1/grants/${encodeURIComponent(grant.id)}/confirmation`)
            onConfirmed('Confirmed, effective now.')
          }}
        >
          Confirm it
        </Action>
      )}
    </Note>
  )
