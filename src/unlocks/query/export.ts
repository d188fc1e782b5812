import { csvLine } from './csv.ts'
import { eventJson } from '../log/event-json.ts'
import type { UnlockFilter, UnlockQueries } from './store.ts'
import { EventAnswer } from '../log/schema.ts'
import type { UnlockLog } from '../log/service.ts'

type Reads = Pick<UnlockQueries, 'locate' | 'page'>

type Wanted = {
  readonly reads: Reads
  readonly filter: UnlockFilter
  /** Size of the log when the export began: what comes later is left out. */
  readonly size: number
}

const EVENTS_PER_PART = 500

const COLUMNS = Object.keys(EventAnswer.properties) as (keyof EventAnswer)[]

/** All events of a filter, oldest first, a page of them in memory at a time. */
async function* eventPages({ reads, filter, size }: Wanted) {
  const located = await reads.locate({ filter, size })
  const page = { filter, order: 'oldest', size, limit: EVENTS_PER_PART, located } as const
  let after: number | undefined
  do {
    const found = await reads.page({ ...page, after })
    if (found.unlocks.length > 0) yield found.unlocks.map(eventJson)
    after = found.next
  } while (after !== undefined)
}

type ExportDependencies = { readonly unlockLog: Pick<UnlockLog, 'head'>; readonly reads: Reads }

/** Gives the events of one account, by its public id, in pages. */
export const accountUnlockPages = ({ unlockLog, reads }: ExportDependencies) =>
  async function* (account: string) {
    const { size } = await unlockLog.head()
    yield* eventPages({ reads, filter: { account }, size })
  }

/** All events of a filter as a file. */
export async function* exportParts({
  format,
  ...wanted
}: Wanted & { readonly format: 'csv' | 'ndjson' }) {
  if (format === 'csv') yield csvLine(COLUMNS)
  for await (const events of eventPages(wanted))
    yield events.map(format === 'csv' ? csvOf : jsonOf).join('')
}

const csvOf = (event: EventAnswer): string => csvLine(COLUMNS.map((column) => event[column]))

const jsonOf = (event: EventAnswer): string => `${JSON.stringify(event)}\n`
