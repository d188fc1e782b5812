import { useState } from 'preact/hooks'
import { api } from '../../api/client.ts'
import type { Grant } from '../../api/doors.ts'
import { useLoad } from '../../api/load.ts'
import { Button } from '../../components/form/button.tsx'
import { grantAddress } from '../../routing/doors.ts'

/** Where this browser remembers which grant was kept as it is. */
const KEPT = 'secure-lock-kept-access'

/** Says what an update has opened to members, until somebody restricts it or keeps it as it is. */
export const FirstAccess = () => {
  const { data } = useLoad('first access', async (signal) => {
    const query = { holder: 'role:member', state: 'now' }
    return (await api.get<{ grants: readonly Grant[] }>('/v1/grants', { query, signal })).grants
  })
  const [kept, setKept] = useState(localStorage.getItem(KEPT))
  const grant = data?.find(isUnchanged)
  if (!grant || grant.id === kept) return null
  const keep = (): void => {
    localStorage.setItem(KEPT, grant.id)
    setKept(grant.id)
  }
  return (
    <section class="sheet first-access" aria-labelledby="first-access">
      <h2 id="first-access">Members may open these doors at any time</h2>
      <p>{grant.words}</p>
      <p class="quiet">The gateway set this up so that nobody is locked out.</p>
      <div class="actions">
        <a class="button main" href={grantAddress(grant.id)}>
          Restrict it
        </a>
        <Button onClick={keep}>Keep it as it is</Button>
      </div>
    </section>
  )
}

/** Whether it is as an update or the command line made it, and opens at any time. */
const isUnchanged = (grant: Grant): boolean =>
  grant.version === 1 &&
  grant.made_by === null &&
  grant.windows === null &&
  grant.ends_at === null &&
  grant.uses === null &&
  !grant.home_network
