import { type Person, isMyself, roleWord } from '../people.ts'

/** What a person is, in a word each. */
export const PersonBadges = ({ person }: { readonly person: Person }) => (
  <>
    {person.role !== 'member' && <span class="badge">{roleWord(person.role).toLowerCase()}</span>}
    {person.disabled && <span class="badge stop">disabled</span>}
    {isMyself(person) && <span class="badge">you</span>}
  </>
)
