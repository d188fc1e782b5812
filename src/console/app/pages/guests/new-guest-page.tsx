import { useLocation } from 'preact-iso/router'
import { useState } from 'preact/hooks'
import { ApiError, api } from '../../api/client.ts'
import { type Door, isInUse, loadDoors } from '../../api/doors.ts'
import { type NewGrant, PHONES_MAX } from '../../api/guests.ts'
import { useLoad } from '../../api/load.ts'
import { role } from '../../api/session.ts'
import { WhenLoaded } from '../../components/feedback/when-loaded.tsx'
import { Field } from '../../components/form/field.tsx'
import { Select } from '../../components/form/select.tsx'
import { Screen } from '../../components/layout/screen.tsx'
import { GUESTS, guestAddress } from '../../routing/guests.ts'
import { isAtLeast } from '../../routing/sections.ts'
import { homeZone } from '../../time/time.tsx'
import { dayIn } from '../../time/zone.ts'
import { GUEST, type GrantDraft, grantBody, holderBody, newDraft } from '../access/grant-draft.ts'
import { GrantForm } from '../access/grant-form.tsx'
import { PassLink } from './pass-link.tsx'
import { withoutHolder } from './pass-text.ts'
import { ReachNote } from './reach-note.tsx'

/** The page with the form for a new guest, and then the link for them. */
export const NewGuestPage = () => {
  const { route } = useLocation()
  const doors = useLoad('doors', loadDoors)
  const [phones, setPhones] = useState(PHONES_DEFAULT)
  const [made, setMade] = useState<{ readonly name: string; readonly pass: NewGrant }>()
  const send = async (draft: GrantDraft): Promise<void> => {
    const { label } = holderBody(draft.holder).pass as { label: string }
    const holder = { pass: { label, devices_max: Number(phones) } }
    const pass = await api.post<NewGrant>('/v1/grants', { holder, ...grantBody(draft) })
    setMade({ name: label, pass })
  }
  return (
    <Screen
      title="New guest"
      lead={
        <a href={GUESTS}>
          <span aria-hidden="true">← </span>All guests
        </a>
      }
    >
      {made ? (
        <PassLink
          name={made.name}
          words={withoutHolder(made.pass.words, made.name)}
          link={made.pass.link ?? ''}
          onDone={() => route(addressOf(made.pass), true)}
        />
      ) : (
        <WhenLoaded what="doors" loaded={doors}>
          {({ locks }) => (
            <>
              <ReachNote />
              <div class="sheet">
                <GuestForm
                  doors={locks.filter((door) => isInUse(door) && mayOffer(door))}
                  phones={phones}
                  onPhones={setPhones}
                  onSend={send}
                />
              </div>
            </>
          )}
        </WhenLoaded>
      )}
    </Screen>
  )
}

const PHONES_DEFAULT = '2'

const PHONES = Array.from({ length: PHONES_MAX }, (_, index) => ({
  value: String(index + 1),
  label: index === 0 ? 'One phone' : `Up to ${index + 1} phones`,
}))

/** The page of a pass that was just made. */
const addressOf = ({ holder }: NewGrant): string =>
  holder !== null && 'pass' in holder ? guestAddress(holder.pass.id) : GUESTS

/** Members let guests through doors that they may open themselves. */
export const mayOffer = ({ reason }: Door): boolean =>
  isAtLeast(role.value, 'admin') || reason !== 'no_grant'

/** Says what a host may not give. */
export const beyondWords = (error: unknown): string | undefined =>
  error instanceof ApiError && error.code === 'beyond_your_grants'
    ? 'You can invite guests only to doors that you may open yourself, without a limit on visits.'
    : undefined

type FormProps = {
  readonly doors: readonly Door[]
  readonly phones: string
  readonly onPhones: (phones: string) => void
  readonly onSend: (draft: GrantDraft) => Promise<void>
}

const GuestForm = ({ doors, phones, onPhones, onSend }: FormProps) => (
  <GrantForm
    action="Make the pass"
    initial={newDraft({
      holder: GUEST,
      lock: doors.length === 1 ? doors[0]?.label : undefined,
      lastDay: dayIn(homeZone(), Date.now()),
    })}
    doors={doors}
    mayBeAll={isAtLeast(role.value, 'admin')}
    onSend={onSend}
    messageFor={beyondWords}
    who={({ holder }, change) => (
      <div class="fields">
        <Field
          label="Name of the guest"
          name="holder"
          value={holder.slice(GUEST.length)}
          onValue={(name) => change(GUEST + name)}
          maxLength={64}
          autocomplete="off"
          required
          hint="Such as Plumber, or Eva."
        />
        <Select
          label="How many phones"
          name="devices_max"
          value={phones}
          onValue={(value) => onPhones(value || PHONES_DEFAULT)}
          options={PHONES}
        />
      </div>
    )}
  />
)
