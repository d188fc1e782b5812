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

/** A grant from a backup, which opens nothing until an owner confirms it; nothing for any other. */
export const SuspendedGrant = ({ grant, onConfirmed }: Props) =>
  grant.suspended_at !== null &&
  grant.revoked_at === null && (
    <Note kind="warning">
      <p>
        A backup was restored that has it. It may have been revoked or used up since, so it opens
        nothing until an owner confirms it.
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
