import { takeTurn } from '../../domain/event-loop.ts'
import type { Queries } from '../../storage/database.ts'
import { controllersIn } from '../attempts/confirmations-store.ts'
import type { UnlockEvent } from '../log/event.ts'
import { UNLOCK_COLUMNS, type UnlockRow, eventOf } from '../log/event-row.ts'
import type { UnlockFilter } from '../search/filter-store.ts'
import type { Key } from '../search/lists-store.ts'
import {
  BEGIN,
  type Interval,
  type Place,
  SORTING,
  type UnlockOrder,
  after,
} from '../search/order.ts'
import { type Search, searchFor } from '../search/search-store.ts'
import { hasUnits, unitsOf } from '../units/store.ts'
import { type Told, contextOf } from './context-store.ts'
import { FOLLOWING, type ListedUnlock, type Page, repeatsOf } from './repeats-store.ts'

export type UnlockQueries = ReturnType<typeof unlockQueries>

type Wanted = {
  readonly filter: UnlockFilter
  readonly order: UnlockOrder
  /** Continue after the event at this place. */
  readonly after?: Place | undefined
  /** Leaves out events with this sequence number or a higher one. */
  readonly size?: number | undefined
  readonly limit: number
  /** Stops the search when aborted. */
  readonly signal?: AbortSignal | undefined
}

type FoundRows<Row> = {
  readonly rows: readonly Row[]
  /** Some of the events after these, if one statement found them too. */
  readonly following: readonly Row[]
  /** The place to continue after; undefined at the end. */
  readonly next: Place | undefined
}

export type Found = {
  readonly unlocks: readonly ListedUnlock[]
  /** The place to continue after; undefined at the end. */
  readonly next: Place | undefined
}

/** Events that one statement looks at if no index serves the whole filter, and events that one page
 * looks at: a page may have fewer than its limit and still be followed by another. */
const STEP_ROWS_MAX = 250
const PAGE_ROWS_MAX = 100_000

/** How many events are looked at before names are looked up, at least and for each wanted one: frequent names
 * are among them. */
const FREQUENT_ROWS = 1000
const ROWS_PER_WANTED = 20

type Options = { readonly wallMs?: () => number; readonly frequentRows?: number | undefined }

/** Searches the unlock log. */
export const unlockQueries = (db: Queries, { wallMs = Date.now, frequentRows }: Options = {}) => ({
  /** Returns an event as lists show it. */
  listed: async (event: UnlockEvent): Promise<ListedUnlock> => {
    const home = await homeOf(db, wallMs())
    const [shown] = await listed(db, { events: [event], order: 'seq' }, home)
    if (!shown) throw new Error('an event was lost on its way')
    return shown
  },

  /** Returns the next events in an order. */
  page: async (wanted: Wanted): Promise<Found> => {
    const { order } = wanted
    const [{ rows, following, next }, home] = await Promise.all([
      nextRows<UnlockRow>(db, wanted, UNLOCK_COLUMNS, {
        following: SORTING[order].isAscending ? 0 : FOLLOWING,
        frequentRows,
      }),
      homeOf(db, wallMs()),
    ])
    const page = { events: rows.map(eventOf), order, following: following.map(eventOf) }
    return { unlocks: await listed(db, page, home), next }
  },

  /** Returns the next events of a guest, by the id of the pass, newest first. */
  ofPass: async (passId: string, { beforeSeq, limit }: PassPage): Promise<PassUnlocks> => {
    const [rows, home] = await Promise.all([
      db.all<UnlockRow>(
        `SELECT ${UNLOCK_COLUMNS}
         FROM unlock_guest
         CROSS JOIN unlock_event ON unlock_event.seq = unlock_guest.seq
         WHERE unlock_guest.pass_id = ? AND unlock_guest.seq < ?
         ORDER BY unlock_guest.seq DESC
         LIMIT ?`,
        passId,
        beforeSeq ?? Number.MAX_SAFE_INTEGER,
        // One more than the limit tells whether there is a next page.
        limit + 1,
      ),
      homeOf(db, wallMs()),
    ])
    const events = rows.slice(0, limit).map(eventOf)
    return {
      unlocks: await listed(db, { events, order: 'seq_desc' }, home),
      next: rows.length > limit ? events.at(-1)?.seq : undefined,
    }
  },

  /** Returns the locks and methods of the next events in an order. */
  labels: (wanted: Wanted): Promise<FoundRows<Labels>> => nextRows<Labels>(db, wanted, LABELS),
})

type PassPage = {
  /** Continue with the event before this one. */
  readonly beforeSeq?: number | undefined
  readonly limit: number
}

export type PassUnlocks = {
  readonly unlocks: readonly ListedUnlock[]
  /** The event to continue before; undefined at the end. */
  readonly next: number | undefined
}

const LABELS = 'seq, happened_at_ms, lock, method, source'

type Labels = Pick<UnlockRow, 'seq' | 'happened_at_ms' | 'lock' | 'method' | 'source'>

/** What lists must know of a home, asked together with the events, so that a server is waited for once. */
const homeOf = async (db: Queries, nowMs: number) => {
  const [usesUnits, controllers] = await Promise.all([hasUnits(db), controllersIn(db)])
  return { usesUnits, controllers, nowMs }
}

type Home = Awaited<ReturnType<typeof homeOf>>

const listed = async (
  db: Queries,
  page: Page,
  { usesUnits, ...known }: Home,
): Promise<readonly ListedUnlock[]> => {
  const { events } = page
  const [repeats, unitOf, contextFor] = await Promise.all([
    repeatsOf(db, page),
    usesUnits ? unitsOf(db, events) : () => null,
    contextOf(db, events.map(toldBy), known),
  ])
  return events.map((event, at) => ({
    ...event,
    repeatOf: repeats[at] ?? null,
    unit: unitOf(event),
    ...contextFor(toldBy(event)),
  }))
}

const toldBy = (event: UnlockEvent): Told => ({
  seq: event.seq,
  source: event.source,
  result: event.result,
  lock: event.lock,
  receivedAtMs: event.receivedAtMs,
  happenedAtMs: event.happenedAtMs,
  tokenId: event.person?.tokenId,
  attemptId: event.attemptId,
})

type Reading = {
  /** How many events after these are wanted too, where they cost no statement more. */
  readonly following?: number
  readonly frequentRows?: number | undefined
}

/** Returns some columns of the next events in an order, among them those of `Key`. */
export const nextRows = async <Row extends Key>(
  db: Queries,
  wanted: Wanted,
  columns: string,
  { following = 0, frequentRows }: Reading = {},
): Promise<FoundRows<Row>> => {
  const { order, limit, signal } = wanted
  const frequent = frequentRows ?? Math.max(FREQUENT_ROWS, ROWS_PER_WANTED * limit)
  const fitting: Row[] = []
  let search: Search<Row> | undefined = await searchFor<Row>(db, wanted, columns)
  let interval: Interval | undefined = remaining(wanted)
  let examined = 0
  let place: Place | undefined
  for (let step = 4 * limit; interval; step *= 2) {
    if (examined >= frequent && search?.narrowed) search = await search.narrowed()
    if (!search) break
    // One more than the limit tells whether there is a next page.
    const missing = limit + (search.isLed ? Math.max(following, 1) : 1) - fitting.length
    const stepMax = search.isLed ? missing : Math.min(step, STEP_ROWS_MAX, PAGE_ROWS_MAX - examined)
    const found = await search.next(interval, stepMax, missing)
    fitting.push(...found.rows)
    if (fitting.length > limit) {
      const final = fitting[limit - 1]
      const next = final && SORTING[order].placeOf(final)
      return { rows: fitting.slice(0, limit), following: fitting.slice(limit), next }
    }
    place = found.last ?? place
    interval = found.rest
    examined += found.count
    if (examined >= PAGE_ROWS_MAX && interval) return { rows: fitting, following: [], next: place }
    if (!search.isLed) await takeTurn(signal)
  }
  return { rows: fitting, following: [], next: undefined }
}

/** The part of the filter's time span, or of the whole log, that the pages before have not covered. */
const remaining = ({ order, after: place, filter: { fromMs, toMs }, size }: Wanted): Interval => {
  const sorting = SORTING[order]
  const whole: Interval =
    sorting.numbers === 1
      ? { low: [BEGIN], high: [size ?? Number.MAX_SAFE_INTEGER] }
      : {
          low: [fromMs ?? Number.MIN_SAFE_INTEGER, BEGIN],
          high: [toMs ?? Number.MAX_SAFE_INTEGER, BEGIN],
        }
  return place === undefined ? whole : after(place, whole, sorting)
}
