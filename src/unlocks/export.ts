import { csvLine } from './csv.ts'
import { eventJson } from './event-json.ts'
import type { UnlockFilter, UnlockReads } from './read-store.ts'
import { EventAnswer } from './schema.ts'

type Options = {
  readonly reads: Pick<UnlockReads, 'page'>
  readonly filter: UnlockFilter
  /** Size of the log when the export began: what comes later is left out. */
  readonly size: number
  readonly format: 'csv' | 'ndjson'
}

const EVENTS_PER_PART = 500

const COLUMNS = Object.keys(EventAnswer.properties) as (keyof EventAnswer)[]

/** All events of a filter, oldest first, as a file; a page of them in memory at a time. */
export async function* exportParts({ reads, filter, size, format }: Options) {
  if (format === 'csv') yield csvLine(COLUMNS)
  let after: number | undefined
  do {
    const found = await reads.page({ filter, order: 'oldest', after, size, limit: EVENTS_PER_PART })
    const events = found.unlocks.map(eventJson)
    if (events.length > 0) yield events.map(format === 'csv' ? csvOf : jsonOf).join('')
    after = found.next
  } while (after !== undefined)
}

const csvOf = (event: EventAnswer): string => csvLine(COLUMNS.map((column) => event[column]))

const jsonOf = (event: EventAnswer): string => `${JSON.stringify(event)}\n`
