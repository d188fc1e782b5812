import { csvLine } from './csv.ts'
import { EventAnswer } from '../log/schema.ts'
import type { UnlockLog } from '../recording/service.ts'
import type { ExportedEvents } from './export-store.ts'

const COLUMNS = Object.keys(EventAnswer.properties) as (keyof EventAnswer)[]

type ExportDependencies = {
  readonly unlockLog: Pick<UnlockLog, 'head'>
  readonly eventsOf: ExportedEvents
}

/** Yields the events of one account, by its public id, in pages. */
export const accountUnlockPages = ({ unlockLog, eventsOf }: ExportDependencies) =>
  async function* (account: string, signal: AbortSignal) {
    const { size } = await unlockLog.head()
    yield* eventsOf({ filter: { account }, size, signal })
  }

type File = {
  readonly format: 'csv' | 'ndjson'
  /** Whether CSV begins with a byte order mark. JSON never does (RFC 8259 section 8.1). */
  readonly hasMark: boolean
}

const BYTE_ORDER_MARK = '\uFEFF'

/** Yields events as the text of a file. */
export async function* exportParts(
  pages: AsyncIterable<readonly EventAnswer[]>,
  { format, hasMark }: File,
): AsyncGenerator<string> {
  if (format === 'csv') yield `${hasMark ? BYTE_ORDER_MARK : ''}${csvLine(COLUMNS)}`
  for await (const events of pages) yield events.map(format === 'csv' ? csvOf : jsonOf).join('')
}

const csvOf = ({ token, guest, outcome, ...event }: EventAnswer): string => {
  const cells = {
    ...event,
    token: token?.name ?? token?.id ?? null,
    guest: guest?.pass ?? null,
    outcome: outcome?.result ?? null,
  }
  return csvLine(COLUMNS.map((column) => cells[column]))
}

const jsonOf = (event: EventAnswer): string => `${JSON.stringify(event)}\n`
