import { type Guest, phonesInUse } from '../../api/guests.ts'
import { me } from '../../api/session.ts'
import { guestAddress } from '../../routing/guests.ts'
import { Time } from '../../time/time.tsx'
import { GUEST_STATES, aPhone } from './guest-words.ts'
import { withoutHolder } from './pass-text.ts'

/** A guest in two lines: what they may open and when, and the phone they use. */
export const GuestRow = ({ guest }: { readonly guest: Guest }) => {
  const { id, state, grant, host } = guest
  const name = guest.label
  return (
    <a class="row guest" id={`guest-${id}`} href={guestAddress(id)}>
      <span>
        <strong>{name}</strong>
        {host && host.id !== me.value?.id && (
          <span class="quiet"> guest of {host.name ?? 'an erased person'}</span>
        )}
      </span>
      <span class="marks">
        {state !== 'now' && (
          <span class={state === 'later' ? 'badge' : 'badge stop'}>{GUEST_STATES[state]}</span>
        )}
        {grant.uses !== null && grant.used !== null && (
          <span class="badge">
            used {grant.used} of {grant.uses}
          </span>
        )}
      </span>
      <span class="words">{withoutHolder(grant.words, name)}</span>
      <span class="quiet">
        <PhoneWords guest={guest} />
      </span>
    </a>
  )
}

/** Where the pass is used: `used first on an iPhone, today, 09:02`. */
export const PhoneWords = ({ guest }: { readonly guest: Guest }) => {
  const { devices, looked_at: lookedAt } = guest
  const [first] = [...devices].sort((one, other) => (one.bound_at < other.bound_at ? -1 : 1))
  if (!first)
    return lookedAt === null ? (
      <>link not opened yet</>
    ) : (
      <>
        link opened <Time at={lookedAt} />, not in use yet
      </>
    )
  const now = phonesInUse(guest).length
  return (
    <>
      used first on {aPhone(first.name)}, <Time at={first.bound_at} />
      {now > 1 && `; ${now} phones now`}
      {now === 0 && '; no phone now'}
    </>
  )
}
