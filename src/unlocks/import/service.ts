import { Value as Schema } from '@sinclair/typebox/value'
import { codePoints, plainText } from '../../http/request/text.ts'
import { derivedUuid } from '../../storage/derived-uuid.ts'
import { DEFAULT_LOCK, NO_ACCOUNT, type NewUnlockEvent, type UnlockEvent } from '../log/event.ts'
import type { LegacyUnlock } from './store.ts'
import { pythonTimeMs } from './python-time.ts'
import { Method } from '../log/schema.ts'
import type { Outcome, UnlockLog } from '../log/service.ts'
import type { UnlockStore } from '../log/store.ts'

type Dependencies = {
  readonly unlockLog: Pick<UnlockLog, 'append'>
  readonly store: Pick<UnlockStore, 'find'>
  /** Of times that name no offset. */
  readonly zone: string
  /** Whose a user name was; nothing where there is no account of theirs. */
  readonly holderOf: (username: string) => Holder | undefined
}

type Holder = { readonly publicId: string; readonly isErased: boolean }

/** What became of a row. */
export type ImportedUnlock = {
  readonly row: LegacyUnlock['id']
  readonly outcome: 'taken' | 'here' | 'refused'
  /** Why it was refused. */
  readonly fault?: string
}

type Candidate = { readonly row: LegacyUnlock['id']; readonly event: NewUnlockEvent }

/** Rows that are recorded in one transaction, and how long a running service has the database to
 * itself after each: longer than it waits between two tries to write. */
const ROWS_AT_ONCE = 1000
const PAUSE_MS = 30

/** Takes over the unlocks of a legacy server, as ordinary events of the log whose source is
 * `imported`. An event's id follows from its row alone, so that none is recorded twice. */
export const legacyLogImport = ({ unlockLog, store, zone, holderOf }: Dependencies) => {
  const read = async (row: LegacyUnlock): Promise<Candidate | ImportedUnlock> => {
    const { username, method, time } = textsOf(row)
    // A greater one is rounded, to that of another row.
    if (typeof row.id !== 'number' || !Number.isSafeInteger(row.id))
      return refused(row, 'its id is no whole number')
    if (username === undefined)
      return refused(row, 'its username is missing, over 50 characters, or not plain text')
    if (method === undefined)
      return refused(row, 'its unlocking_method is missing, over 80 characters, or not plain text')
    const occurredAtMs = time === undefined ? undefined : pythonTimeMs(time, zone)
    if (occurredAtMs === undefined) return refused(row, 'its date_time is no date and time')
    const id = derivedUuid(`unlock\n${row.id}\n${time}`)
    const holder = holderOf(username)
    if (holder?.isErased)
      return (await store.find(id))
        ? { row: row.id, outcome: 'here' }
        : refused(row, 'its person was imported before and erased here since')
    const event = { id, username, method, occurredAtMs, accountPublicId: holder?.publicId }
    return { row: row.id, event: importedEvent(event) }
  }

  return async function* importUnlocks(
    rows: Iterable<LegacyUnlock>,
  ): AsyncGenerator<readonly ImportedUnlock[]> {
    const flush = async (some: readonly (Candidate | ImportedUnlock)[]) => {
      const candidates = some.filter((one) => 'event' in one)
      const outcomes = (await unlockLog.append(candidates.map(({ event }) => event))).values()
      await Bun.sleep(PAUSE_MS)
      return some.map((one) =>
        'event' in one ? { row: one.row, ...became(one.event, outcomes.next().value) } : one,
      )
    }
    let some: (Candidate | ImportedUnlock)[] = []
    for (const row of rows) {
      some.push(await read(row))
      if (some.length < ROWS_AT_ONCE) continue
      yield await flush(some)
      some = []
    }
    if (some.length > 0) yield await flush(some)
  }
}

const USERNAME_CHARACTERS_MAX = 50

const textsOf = ({ username, unlocking_method: method, date_time: time }: LegacyUnlock) => {
  const [name, how] = [plainText(username), plainText(method)]
  const isName = Schema.Check(Method, name) && codePoints(name) <= USERNAME_CHARACTERS_MAX
  return {
    username: isName ? name : undefined,
    method: Schema.Check(Method, how) ? how : undefined,
    time: typeof time === 'string' ? time : undefined,
  }
}

const refused = ({ id: row }: LegacyUnlock, fault: string): ImportedUnlock => ({
  row,
  outcome: 'refused',
  fault,
})

type Imported = Pick<NewUnlockEvent, 'id' | 'username' | 'method' | 'occurredAtMs'> & {
  readonly accountPublicId: string | undefined
}

const importedEvent = ({ accountPublicId = NO_ACCOUNT, ...event }: Imported): NewUnlockEvent => ({
  ...event,
  accountPublicId,
  lock: DEFAULT_LOCK,
  result: 'unlocked',
  reason: null,
  source: 'imported',
})

const became = (
  event: NewUnlockEvent,
  outcome: Outcome | undefined,
): Pick<ImportedUnlock, 'outcome' | 'fault'> => {
  if (outcome?.status === 'stored') return { outcome: 'taken' }
  return outcome && isSameRow(outcome.event, event)
    ? { outcome: 'here' }
    : { outcome: 'refused', fault: 'another event here has its id' }
}

/** Whose it is may have changed since the row was first taken, and what is known of the zone. */
const isSameRow = (
  { source, person }: UnlockEvent,
  { username, method }: NewUnlockEvent,
): boolean =>
  source === 'imported' && (!person || (person.username === username && person.method === method))
