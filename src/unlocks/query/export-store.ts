import { takeTurn } from '../../domain/event-loop.ts'
import type { Queries } from '../../storage/database.ts'
import { listedJson } from '../log/event-json.ts'
import { SIDE_COLUMNS, type UnlockRow, attemptOf, grantOf } from '../log/event-row.ts'
import type { EventAnswer } from '../log/schema.ts'
import { type Place, SORTING } from '../search/order.ts'
import { controllersIn } from '../attempts/confirmations-store.ts'
import { type Context, contextOf } from './context-store.ts'
import { claimsBefore, repeatFinder } from './repeats-store.ts'
import type { UnlockFilter } from '../search/filter-store.ts'
import { nextRows } from './store.ts'

type Wanted = {
  readonly filter: UnlockFilter
  /** Size of the log when the export began: later events are left out. */
  readonly size: number
  /** Stops the export when aborted. */
  readonly signal: AbortSignal
}

/** Few enough that other requests wait for only a few milliseconds. */
const EVENTS_PER_PART = 500

/** How many accounts are remembered from one part to the next. */
const ACCOUNTS_MAX = 10_000

const COLUMNS = `
  seq,
  id,
  account_number,
  username,
  method,
  lock,
  result,
  reason,
  source,
  occurred_at_ms,
  received_at_ms,
  happened_at_ms,
  is_late,
  is_time_uncertain,
  ${SIDE_COLUMNS}`

type Row = Pick<
  UnlockRow,
  | 'seq'
  | 'id'
  | 'account_number'
  | 'username'
  | 'method'
  | 'lock'
  | 'result'
  | 'reason'
  | 'source'
  | 'occurred_at_ms'
  | 'received_at_ms'
  | 'happened_at_ms'
  | 'is_late'
  | 'is_time_uncertain'
  | 'attempt_id'
  | 'grant_id'
  | 'reporter'
  | 'token_id'
  | 'pass_id'
  | 'same_as'
>

export type ExportedEvents = (wanted: Wanted) => AsyncGenerator<readonly EventAnswer[]>

/** Returns a function that yields all events of a filter as lists show them, in the order in which they
 * happened, one part at a time, so that memory stays bounded. Does not read hashes and salts. */
export const exportedEvents = (db: Queries, wallMs = Date.now): ExportedEvents =>
  async function* ({ filter, size, signal }) {
    const wanted = { filter, order: 'oldest', size, limit: EVENTS_PER_PART, signal } as const
    const ownersOf = ownerReader(db)
    const repeatOf = repeatFinder()
    let isFirst = true
    let after: Place | undefined
    do {
      await takeTurn(signal)
      const { rows, next } = await nextRows<Row>(db, { ...wanted, after }, COLUMNS)
      const [first] = rows
      if (first) {
        if (isFirst)
          for (const claim of inOrder(await claimsBefore(db, SORTING.oldest.placeOf(first))))
            repeatOf(claim)
        isFirst = false
        const repeats = new Map(inOrder(rows).map((row) => [row.seq, repeatOf(claimOf(row))]))
        const owners = await ownersOf(rows)
        const controllers = await controllersIn(db)
        const known = { controllers, nowMs: wallMs() }
        const context = await contextOf(db, rows.map(toldBy), known)
        yield rows.map((row) =>
          answerOf(row, {
            ...context(toldBy(row)),
            owner: row.account_number === null ? undefined : owners.get(row.account_number),
            repeatOf: row.same_as ?? repeats.get(row.seq) ?? null,
          }),
        )
      }
      after = next
    } while (after !== undefined)
  }

/** Sorts by the order of receipt. */
const inOrder = <Event extends { readonly seq: number }>(events: readonly Event[]) =>
  events.toSorted((one, other) => one.seq - other.seq)

const claimOf = (row: Row) => ({
  seq: row.seq,
  source: row.source,
  lock: row.lock,
  result: row.result,
  reason: row.reason,
  occurredAtMs: row.occurred_at_ms,
  receivedAtMs: row.received_at_ms,
  account: row.account_number,
  method: row.method,
})

/** An account of the log, and the unit that it belongs to now. */
type Owner = { readonly publicId: string | null; readonly unit: string | null }

type Owners = ReadonlyMap<number, Owner>

/** Returns a function that returns the accounts of some rows, by number. */
const ownerReader = (db: Pick<Queries, 'all'>) => {
  const known = new Map<number, Owner>()
  return async (rows: readonly Row[]): Promise<Owners> => {
    if (known.size > ACCOUNTS_MAX) known.clear()
    const missing = new Set<number>()
    for (const { account_number: number } of rows)
      if (number !== null && !known.has(number)) missing.add(number)
    if (missing.size === 0) return known
    const found = await db.all<Owner & { number: number }>(
      `SELECT unlock_account.number, unlock_account.public_id AS "publicId", account.unit
       FROM unlock_account
       LEFT JOIN account ON account.public_id = unlock_account.public_id
       WHERE unlock_account.number IN (SELECT CAST(value AS bigint) FROM json_each(?))`,
      JSON.stringify([...missing]),
    )
    for (const { number, ...owner } of found) known.set(number, owner)
    return known
  }
}

const toldBy = (row: Row) => ({
  seq: row.seq,
  source: row.source,
  result: row.result,
  lock: row.lock,
  receivedAtMs: row.received_at_ms,
  happenedAtMs: row.happened_at_ms,
  tokenId: row.token_id,
  attemptId: row.attempt_id,
})

type Around = Context & { readonly owner: Owner | undefined; readonly repeatOf: number | null }

const answerOf = (row: Row, { owner, ...around }: Around): EventAnswer => {
  const { account_number: number, username, method } = row
  const isErased = number === null && username === null && method === null
  return listedJson({
    seq: row.seq,
    id: row.id,
    person: isErased
      ? undefined
      : {
          accountPublicId: owner?.publicId ?? '',
          username: username ?? '',
          method: method ?? '',
          ...grantOf(row),
          // Files name the pass alone.
          ...(row.pass_id === null
            ? {}
            : { guest: { passId: row.pass_id, deviceId: null, counter: null } }),
        },
    lock: row.lock,
    result: row.result,
    reason: row.reason,
    source: row.source,
    occurredAtMs: row.occurred_at_ms,
    receivedAtMs: row.received_at_ms,
    happenedAtMs: row.happened_at_ms,
    isLate: row.is_late !== 0,
    isTimeUncertain: row.is_time_uncertain !== 0,
    ...attemptOf(row),
    ...around,
    unit: owner?.unit ?? null,
  })
}
