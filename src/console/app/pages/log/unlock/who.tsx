import { role } from '../../../api/session.ts'
import { guestAddress } from '../../../routing/guests.ts'
import { isAtLeast } from '../../../routing/sections.ts'
import { logAddress } from '../../../routing/log-filter.ts'
import { type Unlock, isByLock, isGuest } from '../../../words/unlock.ts'

type Props = { readonly unlock: Unlock }

/** Who did it, and where the name is from. */
export const Who = ({ unlock }: Props) => {
  const { username, account } = unlock
  if (username === null)
    return (
      <>
        Erased
        <span class="hint">
          Name, account and method were erased for good. The receipt is still valid.
        </span>
      </>
    )
  if (username === '')
    return (
      <>
        Unknown
        <span class="hint">
          The lock did not say who it was, or named somebody without an account here.
        </span>
      </>
    )
  if (isGuest(unlock))
    return (
      <>
        {username}
        <span class="hint">
          A guest, by the name that the host gave them.{' '}
          {isAtLeast(role.value, 'admin') && unlock.guest && (
            <a href={guestAddress(unlock.guest.pass)}>See the pass</a>
          )}
        </span>
      </>
    )
  if (account === null)
    return (
      <>
        {username}
        <span class="hint">
          A name from the {isByLock(unlock) ? 'lock' : 'legacy server’s log'}, without an account
          here.
        </span>
      </>
    )
  return (
    <>
      <a href={logAddress({ account })}>{username}</a>
      <span class="hint">The name at that time.</span>
    </>
  )
}
