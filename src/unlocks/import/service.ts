import { DEFAULT_LOCK, NO_ACCOUNT } from '../../domain/access.ts'
import { Value as Schema } from '@sinclair/typebox/value'
import { codePoints, plainText } from '../../http/request/text.ts'
import { type DeriveUuid, derivedUuid } from '../../storage/derived-uuid.ts'
import type { ExternalDatabase, Value } from '../../storage/sqlite/external-database.ts'
import type { NewUnlockEvent, UnlockEvent } from '../log/event.ts'
import { pythonTimeMs } from './python-time.ts'
import { Method } from '../log/schema.ts'
import type { UnlockLog } from '../recording/service.ts'
import type { UnlockStore } from '../log/store.ts'

const COLUMNS = ['id', 'username', 'unlocking_method', 'date_time'] as const

/** A row of the legacy server's table `log`, with any values. */
type LegacyUnlock = Readonly<Record<(typeof COLUMNS)[number], Value>>

/** Reads the unlocks in the legacy server's file, in the order in which they were recorded. Throws
 * `unavailable` if it is not such a file. */
export const legacyUnlocks = ({ table }: ExternalDatabase) => table('log', COLUMNS)

type Dependencies = {
  readonly unlockLog: Pick<UnlockLog, 'append'>
  readonly store: Pick<UnlockStore, 'find' | 'findAll'>
  readonly deriveUuid: DeriveUuid
  /** The time zone of times without an offset. */
  readonly zone: string
  /** Returns the account of a user name, or undefined if it has none here. */
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

/** Rows recorded in one transaction, and the pause after it in which a running service can write:
 * longer than the time between two of its attempts. */
const BATCH_ROWS = 1000
const PAUSE_MS = 30

/** Imports the unlocks of a legacy server as ordinary events of the log with the source `imported`.
 * An event's id is derived from its row alone, so that none is recorded twice. */
export const legacyLogImport = (deps: Dependencies) => {
  const { unlockLog, store, deriveUuid, zone, holderOf } = deps

  /** True if an import recorded an event with one of these ids. */
  const isImported = async (...ids: readonly string[]): Promise<boolean> => {
    for (const id of ids) if ((await store.find(id))?.source === 'imported') return true
    return false
  }

  const read = async (row: LegacyUnlock): Promise<Candidate | ImportedUnlock> => {
    const { username, method, time } = textsOf(row)
    // A larger number would be rounded to the id of another row.
    if (typeof row.id !== 'number' || !Number.isSafeInteger(row.id))
      return refused(row, 'its id is not a whole number')
    if (username === undefined)
      return refused(row, 'its username is missing, over 50 characters, or not plain text')
    if (method === undefined)
      return refused(row, 'its unlocking_method is missing, over 80 characters, or not plain text')
    const occurredAtMs = time === undefined ? undefined : pythonTimeMs(time, zone)
    if (occurredAtMs === undefined) return refused(row, 'its date_time is not a date and time')
    const text = `unlock\n${row.id}\n${time}`
    const [id, formerId] = [deriveUuid(text), derivedUuid(text)]
    const holder = holderOf(username)
    if (holder?.isErased)
      return (await isImported(id, formerId))
        ? { row: row.id, outcome: 'here' }
        : refused(row, 'its person was imported earlier and has been erased since')
    const event = { id, formerId, username, method, occurredAtMs }
    return { row: row.id, event: importedEvent({ ...event, accountPublicId: holder?.publicId }) }
  }

  return async function* importUnlocks(
    rows: Iterable<LegacyUnlock>,
  ): AsyncGenerator<readonly ImportedUnlock[]> {
    const flush = async (batch: readonly (Candidate | ImportedUnlock)[]) => {
      const candidates = batch.filter((item) => 'event' in item)
      const outcomes = await unlockLog.append(candidates.map(({ event }) => event))
      const taken = outcomes.flatMap(({ status, id }) => (status === 'stored' ? [] : id))
      const known = new Map((await store.findAll(taken)).map((event) => [event.id, event]))
      await Bun.sleep(PAUSE_MS)
      const recorded = outcomes.values()
      return batch.map((item) => {
        if (!('event' in item)) return item
        const outcome = recorded.next().value
        return { row: item.row, ...outcomeOf(item.event, outcome && known.get(outcome.id)) }
      })
    }
    let batch: (Candidate | ImportedUnlock)[] = []
    for (const row of rows) {
      batch.push(await read(row))
      if (batch.length < BATCH_ROWS) continue
      yield await flush(batch)
      batch = []
    }
    if (batch.length > 0) yield await flush(batch)
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

type Imported = Pick<NewUnlockEvent, 'id' | 'formerId' | 'username' | 'method' | 'occurredAtMs'> & {
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

const outcomeOf = (
  event: NewUnlockEvent,
  /** The event that has its id here already. */
  known: UnlockEvent | undefined,
): Pick<ImportedUnlock, 'outcome' | 'fault'> => {
  if (!known) return { outcome: 'taken' }
  return isSameRow(known, event)
    ? { outcome: 'here' }
    : { outcome: 'refused', fault: 'another event here has its id' }
}

/** True if the event came from the same row. Its account, and its time if the zone was corrected, may
 * differ from the first import. */
const isSameRow = (
  { source, person }: UnlockEvent,
  { username, method }: NewUnlockEvent,
): boolean =>
  source === 'imported' && (!person || (person.username === username && person.method === method))
