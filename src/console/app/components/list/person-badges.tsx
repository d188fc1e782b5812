import { type Person, isMyself } from '../../api/person.ts'
import { lastDayOf } from '../../time/last-day.ts'
import { dayText } from '../../words/format.ts'
import { roleName } from '../../words/role.ts'

/** Role and state of an account, as badges. */
export const PersonBadges = ({ person }: { readonly person: Person }) => (
  <>
    {person.role !== 'member' && <span class="badge">{roleName(person.role)}</span>}
    {!person.admitted && !person.disabled && <span class="badge warning">waiting</span>}
    {person.disabled && <span class="badge stop">disabled</span>}
    {person.ended && !person.disabled && <span class="badge stop">ended</span>}
    {person.ends_at !== null && !person.ended && !person.disabled && (
      <span class="badge">until {dayText(lastDayOf(person.ends_at), { year: 'numeric' })}</span>
    )}
    {isMyself(person) && <span class="badge">you</span>}
  </>
)
