import type { RecordAuditEvent } from '../../domain/audit-event.ts'
import { HEAVY_READ_REFUSED } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { nextPage, pageOf } from '../../http/request/paging.ts'
import { streamed } from '../../http/streamed.ts'
import { listedJson } from '../log/event-json.ts'
import { EVENT_EXAMPLE } from '../log/schema.ts'
import type { UnlockLog } from '../log/service.ts'
import { exportParts } from './export.ts'
import { ExportQuery, ListAnswer, ListQuery, type Search } from './schema.ts'
import type { UnlockQueries } from './store.ts'
import type { VisibleSize } from './visible-size.ts'
import { SEARCH_FAULTS, WHO_SEES, visibleFilter } from './visibility.ts'

type Dependencies = {
  readonly unlockLog: Pick<UnlockLog, 'head'>
  readonly queries: UnlockQueries
  readonly record: RecordAuditEvent
  readonly visibleSize: VisibleSize
}

/** Searching the unlock log: page by page, or as a file. */
export const unlockQueryRoutes = (deps: Dependencies): readonly Endpoint[] => [
  list(deps),
  exportFile(deps),
]

const ORDER =
  'Unlocks are ordered by sequence number, never by a clock. `from` and `to` select by ' +
  'time of receipt. An unlock with an uncertain time (`time_uncertain`) is included if, going ' +
  'by the unlocks around it, it may have been received in that span. Imported unlocks appear where they were ' +
  'imported, and are selected by `occurred_at`. '

const list = ({ unlockLog, queries }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/unlocks',
      access: 'member',
      tag: 'Unlocks',
      operationId: 'listUnlocks',
      summary: 'List unlocks',
      description:
        `${WHO_SEES}${ORDER}A page may hold fewer than \`limit\` unlocks, or none, and still have a ` +
        '`next`: if no index serves the filter (a text, or several conditions at once), one request ' +
        'looks at up to 20,000 unlocks. `next` is also sent as a `Link` header (RFC 8288), and is ' +
        'valid for the same filter and order only. Erased fields are null.',
      query: ListQuery,
      isHeavy: isScan,
      answers: {
        200: {
          description: 'A page, newest first by default',
          schema: ListAnswer,
          example: { unlocks: [EVENT_EXAMPLE], next: 'bmV3ZXN0LjQxLnhxN0xkMTJhYkNkRQ' },
        },
        ...SEARCH_FAULTS,
        ...HEAVY_READ_REFUSED,
      },
    },
    async (context) => {
      const { query, account, signal } = context
      const filter = visibleFilter(query, account)
      const page = pageOf(query, filter)
      const { size } = await unlockLog.head()
      const { unlocks, next } = await queries.page({ filter, ...page, size, signal })
      return {
        unlocks: unlocks.map(listedJson),
        next: nextPage(context, { filter, order: page.order, after: next }),
      }
    },
  )

/** Whether a search looks at unlocks that it does not find: no index serves all its conditions, and none
 * says when imported unlocks happened in the order of the log. */
const isScan = ({ text, lock, method, result, from, to }: Search): boolean =>
  [text, lock, method, result, from, to].some((condition) => condition !== undefined)

const CONTENT_TYPES = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson' } as const

const exportFile = ({ queries, record, visibleSize }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/unlocks/export',
      access: 'member',
      limits: ['changes'],
      tag: 'Unlocks',
      operationId: 'exportUnlocks',
      summary: 'Export unlocks as a file',
      description:
        `${WHO_SEES}${ORDER}Oldest first and without a limit, up to the newest unlock at the time of ` +
        'the request. CSV follows RFC 4180 and has a header line; text that a spreadsheet would take ' +
        'for a formula, or that begins with an apostrophe, gets an apostrophe in front.',
      query: ExportQuery,
      isHeavy: () => true,
      answers: {
        200: [
          { description: 'CSV', contentType: 'text/csv' },
          { description: 'or one JSON object per line', contentType: 'application/x-ndjson' },
        ],
        ...SEARCH_FAULTS,
        ...HEAVY_READ_REFUSED,
      },
    },
    async ({ query: { format, bom, ...search }, caller, account, signal }) => {
      const filter = visibleFilter(search, account)
      const size = await visibleSize(account)
      await record(caller, {
        action: 'unlocks.export',
        result: 'success',
        ...(filter.account ? { subject: filter.account } : {}),
        // Only the names of the filters: a search text may be someone's name.
        detail: { format, size, filters: Object.keys(search).join() },
      })
      return streamed(
        exportParts({ queries, filter, size, format, hasMark: bom !== '0', signal }),
        {
          'content-type': CONTENT_TYPES[format],
          'content-disposition': `attachment; filename="unlocks.${format}"`,
        },
      )
    },
  )
