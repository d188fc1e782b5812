import { rolesUpTo } from '../../../../domain/account.ts'
import { api } from '../../api/client.ts'
import type { Grant } from '../../api/doors.ts'
import { useLoad } from '../../api/load.ts'
import type { Person } from '../../api/person.ts'
import { grantAddress } from '../../routing/doors.ts'

type Props = {
  readonly person: Pick<Person, 'id' | 'username' | 'role'>
  readonly doors: 'all' | readonly string[]
  /** The grant that is looked at; undefined while a form asks for it, which a link would empty. */
  readonly except?: string
}

const SHOWN_MAX = 3

/** Says which other grants open the same doors to a person: one that opens is enough, so that hours do not
 * keep out a person who may come at any time as a member. */
export const OtherRules = ({ person, doors, except }: Props) => {
  const { id, username, role } = person
  const { data = [] } = useLoad(`other rules ${id} ${role}`, async (signal) => {
    const holders = [`account:${id}`, ...rolesUpTo(role).map((lower) => `role:${lower}`)]
    const found: Grant[] = []
    for (const holder of holders) {
      const query = { holder, state: 'now' }
      const { grants } = await api.get<{ grants: Grant[] }>('/v1/grants', { query, signal })
      found.push(...grants)
    }
    return found
  })
  const others = data.filter((grant) => grant.id !== except && isForAny(grant.locks, doors))
  if (others.length === 0) return null
  return (
    <div class="other-rules">
      <p class="hint">These rules hold for {username} too. One that opens is enough:</p>
      <ul>
        {others.slice(0, SHOWN_MAX).map((grant) => (
          <li key={grant.id}>
            {except ? <a href={grantAddress(grant.id)}>{grant.words}</a> : grant.words}
          </li>
        ))}
      </ul>
      {others.length > SHOWN_MAX && <p class="hint">And {others.length - SHOWN_MAX} more.</p>}
    </div>
  )
}

const isForAny = (opened: Grant['locks'], doors: Props['doors']): boolean =>
  opened === 'all' || doors === 'all' || doors.some((label) => opened.includes(label))
