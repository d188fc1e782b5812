import type { RecordAuditEvent } from '../../domain/audit-event.ts'
import { takeTurn } from '../../domain/event-loop.ts'
import { foldedText } from '../../domain/text/folded-text.ts'
import { HEAVY_READ_REFUSED } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { nextPage, sortedPageOf } from '../../http/request/paging.ts'
import { streamed } from '../../http/streamed.ts'
import { listedJson } from '../log/event-json.ts'
import { EVENT_EXAMPLE } from '../log/schema.ts'
import { exportParts } from './export.ts'
import type { ExportedEvents } from './export-store.ts'
import { type Place, SORTING } from '../search/order.ts'
import { ExportQuery, LabelsAnswer, ListAnswer, ListQuery, type Search } from './schema.ts'
import type { UnlockQueries } from './store.ts'
import type { VisibleSize } from './visible-size.ts'
import { SEARCH_FAULTS, WHO_SEES, visibleFilter } from './visibility.ts'

type Dependencies = {
  readonly queries: UnlockQueries
  readonly eventsOf: ExportedEvents
  readonly record: RecordAuditEvent
  readonly visibleSize: VisibleSize
}

/** Searching the unlock log: page by page, or as a file, and what there is to search for. */
export const unlockQueryRoutes = (deps: Dependencies): readonly Endpoint[] => [
  list(deps),
  listLabels(deps),
  exportFile(deps),
]

const HAPPENED = '`from` and `to` select by when unlocks happened (`happened_at`). '

const list = ({ queries }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/unlocks',
      access: 'member',
      scope: 'unlocks:read',
      tag: 'Unlocks',
      operationId: 'listUnlocks',
      summary: 'List unlocks',
      description:
        `${WHO_SEES}${HAPPENED}An unlock that arrives late appears where it happened, marked \`late\`; ` +
        'with `order=seq`, after everything that was received before it. A page may hold ' +
        'fewer than `limit` unlocks, or none, and still have a ' +
        '`next`: with several conditions at once, or in the order of receipt, it ends after looking ' +
        'at 100,000 unlocks. `next` is also sent as a `Link` header (RFC 8288), and is ' +
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
      const { order = 'newest' } = query
      const page = sortedPageOf({ ...query, order }, filter, SORTING[order].numbers)
      const { unlocks, next } = await queries.page({ filter, ...page, signal })
      return {
        unlocks: unlocks.map(listedJson),
        next: nextPage(context, { filter, order: page.order, after: next }),
      }
    },
  )

/** Whether a search looks at unlocks that it does not find: no index serves all its conditions. */
const isScan = ({ order, ...search }: Search): boolean => {
  const { account, text, lock, method, result, source, unit, from, to } = search
  const isBySeq = order === 'seq' || order === 'seq_desc'
  return [text, lock, method, result, source, unit, ...(isBySeq ? [account, from, to] : [])].some(
    (condition) => condition !== undefined,
  )
}

/** How many unlocks are searched for labels (the description says so too), how many are read at once, and how
 * many labels are listed, because apps may invent any number. */
const LABELLED_MAX = 5000
const LABELLED_STEP = 250
const LABELS_MAX = 100

const listLabels = ({ queries }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/unlocks/labels',
      access: 'member',
      scope: 'unlocks:read',
      tag: 'Unlocks',
      operationId: 'listUnlockLabels',
      summary: 'List locks and methods',
      description:
        `${WHO_SEES}Lists the locks and methods of the newest 5,000 unlocks, most frequent first, ` +
        `at most ${LABELS_MAX} of each. Methods that differ only in case or composition are listed ` +
        'once, as last written.',
      isHeavy: () => true,
      answers: {
        200: {
          description: 'Locks and methods',
          schema: LabelsAnswer,
          example: { locks: [EVENT_EXAMPLE.lock], methods: [EVENT_EXAMPLE.method] },
        },
        ...HEAVY_READ_REFUSED,
      },
    },
    async ({ account, signal }) => {
      const filter = visibleFilter({}, account)
      const locks = counter()
      const methods = counter()
      let after: Place | undefined
      for (let read = 0; read < LABELLED_MAX; read += LABELLED_STEP) {
        const page = { order: 'newest', after, limit: LABELLED_STEP } as const
        const { rows, next } = await queries.labels({ filter, ...page, signal })
        for (const { lock, method, source } of rows) {
          locks.add(lock)
          // The gateway has words of its own for what it refuses.
          if (method !== null && source !== 'observed') methods.add(method)
        }
        if (next === undefined) break
        after = next
        await takeTurn(signal)
      }
      return { locks: locks.mostFrequent(), methods: methods.mostFrequent() }
    },
  )

/** Counts labels, whatever their case and composition. */
const counter = () => {
  const counts = new Map<string, { readonly label: string; count: number }>()
  return {
    add: (label: string): void => {
      const key = foldedText(label)
      const known = counts.get(key)
      if (known) known.count += 1
      else counts.set(key, { label, count: 1 })
    },
    mostFrequent: (): string[] =>
      [...counts.values()]
        .toSorted((left, right) => right.count - left.count)
        .slice(0, LABELS_MAX)
        .map(({ label }) => label),
  }
}

const CONTENT_TYPES = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson' } as const

const exportFile = ({ eventsOf, record, visibleSize }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/unlocks/export',
      access: 'member',
      scope: 'unlocks:read',
      limits: ['changes'],
      tag: 'Unlocks',
      operationId: 'exportUnlocks',
      summary: 'Export unlocks as a file',
      description:
        `${WHO_SEES}${HAPPENED}In the order in which they happened, and without a limit, up to the newest unlock at the time of ` +
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
        exportParts(eventsOf({ filter, size, signal }), { format, hasMark: bom !== '0' }),
        {
          'content-type': CONTENT_TYPES[format],
          'content-disposition': `attachment; filename="unlocks.${format}"`,
        },
      )
    },
  )
