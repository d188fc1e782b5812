import { type Table, marked } from './table.ts'

type Page<Row> = (after: number, limit: number) => Promise<readonly Row[]>

/** The reasons of entries in the unlock log that happened at no door: refused logins, and lost unlocks. */
const AT_NO_DOOR: ReadonlySet<string | null> = new Set(['too_many_attempts', 'unlocks_lost'])

/** The results after which the door stayed shut, or may have. */
const SHUT: ReadonlySet<string> = new Set(['permitted', 'failed'])

type Unlock = {
  readonly seq: number
  readonly person: { readonly username: string; readonly method: string } | undefined
  readonly result: string
  readonly reason: string | null
  readonly source: string
  readonly happenedAtMs: number
  readonly isLate: boolean
  /** The earlier event that tells of the same opening. */
  readonly sameAs?: number
}

type Person = {
  readonly id: number
  readonly publicId: string
  readonly username: string
  readonly phone: string
  readonly address: string
  readonly email: string | null
  readonly role: string
}

/** What stands for the name and method of an erased person, for somebody whom a lock does not know, and after the method of an unlock that was
 * denied, or reported more than five minutes after it happened. */
const ERASED = '(erased)'
const UNKNOWN = '(unknown)'
const DENIED = '(denied)'
const LATE = '(reported late)'

/** All unlocks as a table; the id is the sequence number plus one, and skips leaves that are not unlocks: a
 * decision that permits one does not say whether the door opened, a lock that failed did not open, and what a lock
 * and an app tell of one opening is one row. The existing app has no column for denied
 * access or a late report, so both are marked at the method. */
export const unlockTable = (page: Page<Unlock>): Table => ({
  title: 'Unlocks',
  columns: {
    id: 'ID',
    username: 'Username',
    unlocking_method: 'Unlocking Method',
    date_time: 'Unlocking Date/Time',
  },
  page: async (afterId, limit) => {
    const events = await page(afterId - 1, limit)
    const unlocks = events.filter(
      ({ reason, result, sameAs }) =>
        !AT_NO_DOOR.has(reason) && !SHUT.has(result) && sameAs === undefined,
    )
    return { rows: unlocks.map(unlockRow), next: nextAfter(events, limit, ({ seq }) => seq + 1) }
  },
})

const unlockRow = (unlock: Unlock) => ({
  id: unlock.seq + 1,
  username: whoOf(unlock),
  unlocking_method: marked(unlock.person?.method, [
    ...(unlock.person ? [] : [ERASED]),
    ...(unlock.result === 'denied' ? [DENIED] : []),
    // Everything that was imported was reported late.
    ...(unlock.isLate && unlock.source !== 'imported' ? [LATE] : []),
  ]),
  date_time: new Date(unlock.happenedAtMs).toISOString(),
})

const whoOf = ({ person, source }: Unlock) =>
  (source === 'reported' || source === 'attested') && person?.username === ''
    ? marked(undefined, [UNKNOWN])
    : (person?.username ?? marked(undefined, [ERASED]))

/** Returns the id to continue after, or undefined at the end. */
const nextAfter = <Row>(
  page: readonly Row[],
  limit: number,
  idOf: (row: Row) => number,
): number | undefined => {
  const last = page.at(-1)
  return last === undefined || page.length < limit ? undefined : idOf(last)
}

/** All accounts as a table, without their passwords. */
export const userTable = (page: Page<Person>): Table => ({
  title: 'Accounts',
  columns: {
    id: 'ID',
    public_id: 'Public ID',
    username: 'Username',
    phone: 'Phone',
    address: 'Address',
    email: 'Email',
    role: 'Role',
  },
  page: async (afterId, limit) => {
    const people = await page(afterId, limit)
    return { rows: people.map(personRow), next: nextAfter(people, limit, ({ id }) => id) }
  },
})

const personRow = (person: Person) => ({
  id: person.id,
  public_id: person.publicId,
  username: person.username,
  phone: person.phone,
  address: person.address,
  email: person.email,
  role: person.role,
})
