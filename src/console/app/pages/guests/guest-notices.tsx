import { type Guest, PHONES_MAX, changePass } from '../../api/guests.ts'
import { showToast } from '../../components/feedback/toast.tsx'
import { Action } from '../../components/form/action.tsx'
import { guestAddress } from '../../routing/guests.ts'
import { Time } from '../../time/time.tsx'

type Props = {
  readonly guest: Guest
  readonly onChange: () => void
  /** Whether it links to the page of the guest. */
  readonly isLinked?: boolean
}

/** Whether a guest needs their host. */
export const needsHost = ({ asked_at: askedAt, refused_at: refusedAt }: Guest): boolean =>
  askedAt !== null || refusedAt !== null

/** What a guest needs from their host: it was tried on another phone, or they ask for help. */
export const GuestNotice = ({ guest, onChange, isLinked = false }: Props) => {
  const { asked_at: askedAt, refused_at: refusedAt, devices_max: max } = guest
  const name = guest.label
  const change = async (devicesMax: number): Promise<void> => {
    await changePass(guest, {
      handled: true,
      ...(devicesMax === max ? {} : { devices_max: devicesMax }),
    })
    showToast(devicesMax === max ? 'Done.' : `${name} may now use ${devicesMax} phones.`)
    onChange()
  }
  return (
    <div class="note warning guest-notice" role="group" aria-label={`${name} needs you`}>
      <div>
        {refusedAt !== null && (
          <p>
            {name}’s pass was tried on another phone, <Time at={refusedAt} />.
          </p>
        )}
        {askedAt !== null && (
          <p>
            {name} asks you for help, <Time at={askedAt} />.
          </p>
        )}
        {refusedAt !== null && max === PHONES_MAX && (
          <p class="hint">It is allowed on {max} phones already. Remove one to allow another.</p>
        )}
      </div>
      <div class="actions">
        {refusedAt !== null && max < PHONES_MAX && (
          <Action kind="main" label={`Allow one more phone: ${name}`} onAct={() => change(max + 1)}>
            Allow one more phone
          </Action>
        )}
        <Action label={`Done: ${name}`} onAct={() => change(max)}>
          Done
        </Action>
        {isLinked && (
          <a
            class="button quiet"
            href={guestAddress(guest.id)}
            aria-label={`See the pass: ${name}`}
          >
            See the pass
          </a>
        )}
      </div>
    </div>
  )
}
