import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import {
  type Guest,
  type GuestPhone,
  PHONES_MAX,
  changePass,
  passPath,
  phonesInUse,
} from '../../api/guests.ts'
import { Action } from '../../components/form/action.tsx'
import { Button } from '../../components/form/button.tsx'
import { Confirm } from '../../components/form/dialog.tsx'
import { Section } from '../../components/layout/section.tsx'
import { Time } from '../../time/time.tsx'
import { counted } from '../../words/format.ts'
import { aPhone } from './guest-words.ts'

type Props = {
  readonly guest: Guest
  readonly isOver: boolean
  /** Called with what to tell the person. */
  readonly onChange: (message: string) => void
}

/** The phones on which a pass is used. */
export const Phones = ({ guest, isOver, onChange }: Props) => {
  const { devices, devices_max: max } = guest
  const inUse = phonesInUse(guest).length
  return (
    <Section title="Phones">
      {devices.length === 0 ? (
        <p class="quiet">It is not used on any phone yet.</p>
      ) : (
        <ul class="list" aria-label="Phones">
          {devices.map((phone) => (
            <li key={phone.id}>
              <Phone guest={guest} phone={phone} isOver={isOver} onChange={onChange} />
            </li>
          ))}
        </ul>
      )}
      {!isOver && (
        <div class="offer">
          <p>
            {inUse} of {counted(max, 'phone')} in use.
          </p>
          {max < PHONES_MAX && (
            <Action
              onAct={async () => {
                await changePass(guest, { devices_max: max + 1 })
                onChange(`${guest.label} may now use ${max + 1} phones.`)
              }}
            >
              Allow one more phone
            </Action>
          )}
        </div>
      )}
    </Section>
  )
}

type PhoneProps = Props & { readonly phone: GuestPhone }

const Phone = ({ guest, phone, isOver, onChange }: PhoneProps) => {
  const { id, name, bound_at: boundAt, seen_at: seenAt, removed_at: removedAt } = phone
  const [isAsked, setAsked] = useState(false)
  return (
    <div class="row with-action">
      <div>
        <strong>{name ?? 'Phone'}</strong>{' '}
        {removedAt !== null && <span class="badge">removed</span>}
        <p class="quiet">
          Since <Time at={boundAt} format="printed" />.{' '}
          {removedAt === null ? (
            <>
              Last seen <Time at={seenAt} />.
            </>
          ) : (
            <>
              Removed <Time at={removedAt} />.
            </>
          )}
        </p>
      </div>
      {removedAt === null && !isOver && (
        <>
          <Button aria-label={`Remove: ${name ?? 'phone'}`} onClick={() => setAsked(true)}>
            Remove
          </Button>
          <Confirm
            title={`Remove ${aPhone(name)}?`}
            action="Remove"
            isDangerous
            isOpen={isAsked}
            onClose={() => setAsked(false)}
            onConfirm={() => api.delete(`${passPath(guest.id)}/devices/${encodeURIComponent(id)}`)}
            onDone={() => onChange('Removed, effective now.')}
          >
            <p>It opens nothing from now on. The link can then be used on another phone.</p>
          </Confirm>
        </>
      )}
    </div>
  )
}
