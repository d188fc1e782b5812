import { type Table, marked } from './table.ts'

type Page<Row> = (after: number, limit: number) => Promise<readonly Row[]>

type Unlock = {
  readonly seq: number
  readonly person: { readonly username: string; readonly method: string } | undefined
  readonly result: 'unlocked' | 'denied'
  readonly source: string
  readonly occurredAtMs: number | null
  readonly receivedAtMs: number
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

/** What stands for the name and method of an erased person, and after the method of a denied unlock. */
const ERASED = '(erased)'
const DENIED = '(denied)'

/** All unlocks as a table; the id is the sequence number plus one. The existing app has no column for
 * denied access, so it is marked at the method. */
export const unlockTable = (page: Page<Unlock>): Table => ({
  title: 'Unlocks',
  columns: {
    id: 'ID',
    username: 'Username',
    unlocking_method: 'Unlocking Method',
    date_time: 'Unlocking Date/Time',
  },
  page: async (afterId, limit) =>
    (await page(afterId - 1, limit)).map((unlock) => ({
      id: unlock.seq + 1,
      username: unlock.person?.username ?? marked(undefined, [ERASED]),
      unlocking_method: marked(unlock.person?.method, [
        ...(unlock.person ? [] : [ERASED]),
        ...(unlock.result === 'denied' ? [DENIED] : []),
      ]),
      date_time: new Date(timeOf(unlock)).toISOString(),
    })),
})

/** When an unlock was received; for imported ones, when the legacy server received it. */
const timeOf = ({ source, occurredAtMs, receivedAtMs }: Unlock): number =>
  source === 'imported' ? (occurredAtMs ?? receivedAtMs) : receivedAtMs

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
  page: async (afterId, limit) =>
    (await page(afterId, limit)).map((person) => ({
      id: person.id,
      public_id: person.publicId,
      username: person.username,
      phone: person.phone,
      address: person.address,
      email: person.email,
      role: person.role,
    })),
})
