import { takeTurn } from '../../domain/event-loop.ts'
import { csvLine } from './csv.ts'
import { listedJson } from '../log/event-json.ts'
import type { Place } from './order.ts'
import type { UnlockFilter, UnlockQueries } from './store.ts'
import { EventAnswer } from '../log/schema.ts'
import type { UnlockLog } from '../recording/service.ts'

type Queries = Pick<UnlockQueries, 'page'>

type Wanted = {
  readonly queries: Queries
  readonly filter: UnlockFilter
  /** Size of the log when the export began: later events are left out. */
  readonly size: number
  /** Ends the export once aborted. */
  readonly signal: AbortSignal
}

const EVENTS_PER_PART = 500

const COLUMNS = Object.keys(EventAnswer.properties) as (keyof EventAnswer)[]

/** Yields all events of a filter, oldest first, with one page of them in memory at a time. */
async function* eventPages({ queries, filter, size, signal }: Wanted) {
  const page = { filter, order: 'oldest', size, limit: EVENTS_PER_PART, signal } as const
  let after: Place | undefined
  do {
    await takeTurn(signal)
    const found = await queries.page({ ...page, after })
    if (found.unlocks.length > 0) yield found.unlocks.map(listedJson)
    after = found.next
  } while (after !== undefined)
}

type ExportDependencies = {
  readonly unlockLog: Pick<UnlockLog, 'head'>
  readonly queries: Queries
}

/** Yields the events of one account, by its public id, in pages. */
export const accountUnlockPages = ({ unlockLog, queries }: ExportDependencies) =>
  async function* (account: string, signal: AbortSignal) {
    const { size } = await unlockLog.head()
    yield* eventPages({ queries, filter: { account }, size, signal })
  }

type File = {
  readonly format: 'csv' | 'ndjson'
  /** Whether CSV begins with a byte order mark. JSON never does (RFC 8259 section 8.1). */
  readonly hasMark: boolean
}

const BYTE_ORDER_MARK = '\uFEFF'

/** Yields all events of a filter as the text of a file. */
export async function* exportParts({ format, hasMark, ...wanted }: Wanted & File) {
  if (format === 'csv') yield `${hasMark ? BYTE_ORDER_MARK : ''}${csvLine(COLUMNS)}`
  for await (const events of eventPages(wanted))
    yield events.map(format === 'csv' ? csvOf : jsonOf).join('')
}

const csvOf = (event: EventAnswer): string => csvLine(COLUMNS.map((column) => event[column]))

const jsonOf = (event: EventAnswer): string => `${JSON.stringify(event)}\n`
