import { Value } from '@sinclair/typebox/value'
import { AppError } from '../../errors.ts'
import { type Account, hasRole } from '../../domain/account.ts'
import type { RecordAuditEvent } from '../../domain/audit-event.ts'
import { DAY_MS } from '../../domain/duration.ts'
import { type Caller, signedIn } from '../../http/authorization.ts'
import type { Endpoints } from '../../http/router.ts'
import { type Answered, nextPage, pageOf, spanOf } from '../../http/request/paging.ts'
import { readQuery } from '../../http/request/query.ts'
import { streamed } from '../../http/streamed.ts'
import { eventJson } from '../log/event-json.ts'
import { exportParts } from './export.ts'
import type { EventStream } from './event-stream.ts'
import { EXPORT, LIST, STATS, STATS_DAYS_MAX, STATS_NAMES_MAX, STREAM } from './operations.ts'
import {
  ExportQuery,
  ListQuery,
  type Search,
  StatsQuery,
  StreamHeaders,
  StreamQuery,
} from './schema.ts'
import type { UnlockFilter, UnlockQueries } from './store.ts'
import type { UnlockLog } from '../log/service.ts'
import { unlockStats } from './stats.ts'
import type { UnlockCounts } from './stats-store.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly unlockLog: Pick<UnlockLog, 'head'>
  readonly reads: UnlockQueries
  readonly counts: UnlockCounts
  readonly live: Pick<EventStream, 'follow' | 'stalledSecondsMax'>
  readonly record: RecordAuditEvent
  readonly now: () => number
}

/** Reading who opened the door: members their own, admins and owners all. */
export const unlockReadRoutes = (deps: Dependencies) =>
  deps.endpoints
    .group('default')
    .get('/v1/unlocks', (asked) => list(deps, asked), LIST)
    .get(
      '/v1/unlocks/stream',
      async ({ request, caller, server }) => {
        const answer = await follow(deps, request, caller.account)
        server?.timeout(request, deps.live.stalledSecondsMax)
        return answer
      },
      STREAM,
    )
    .get(
      '/v1/unlocks/stats',
      ({ request, caller }) => countAll(deps, request, caller.account),
      STATS,
    )
    .use(deps.endpoints.changeLimits())
    .get('/v1/unlocks/export', ({ request, caller }) => download(deps, request, caller), EXPORT)

const list = async (
  { unlockLog, reads }: Dependencies,
  asked: Answered & { readonly caller: Caller },
) => {
  const query = readQuery(asked.request, ListQuery)
  const filter = filterOf(query, asked.caller.account)
  const page = pageOf(query, filter)
  const { size } = await unlockLog.head()
  const { unlocks, next } = await reads.page({ filter, ...page, size })
  return {
    unlocks: unlocks.map(eventJson),
    next: nextPage(asked, { filter, order: page.order, after: next }),
  }
}

const CONTENT_TYPES = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson' } as const

const download = async (
  { unlockLog, reads, record }: Dependencies,
  request: Request,
  caller: Caller,
): Promise<Response> => {
  const { format, ...query } = readQuery(request, ExportQuery)
  const filter = filterOf(query, caller.account)
  const { size } = await unlockLog.head()
  await record(caller, {
    action: 'unlocks.export',
    result: 'success',
    ...(filter.account ? { subject: filter.account } : {}),
    // By name alone: what was searched for may be a person's.
    detail: { format, size, filters: Object.keys(query).join() },
  })
  return streamed(exportParts({ reads, filter, size, format }), {
    'content-type': CONTENT_TYPES[format],
    'content-disposition': `attachment; filename="unlocks.${format}"`,
  })
}

const follow = async (
  { live, endpoints }: Dependencies,
  request: Request,
  caller: Account | undefined,
): Promise<Response> => {
  const account = signedIn(caller)
  const filter = filterOf(readQuery(request, StreamQuery), account)
  const body = await live.follow({
    account,
    filter,
    lastSeq: lastEventId(request),
    signal: request.signal,
    isAllowed: async () =>
      (await endpoints.authenticateRequest(request))?.account.role === account.role,
  })
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
}

const lastEventId = (request: Request): number | undefined => {
  const id = request.headers.get('last-event-id')
  if (id === null) return undefined
  if (!Value.Check(StreamHeaders, { 'last-event-id': id }))
    throw new AppError('invalid', 'Invalid Last-Event-ID')
  return Number(id)
}

const STATS_DAYS = 30

const countAll = async (
  { counts, now }: Dependencies,
  request: Request,
  caller: Account | undefined,
) => {
  const query = readQuery(request, StatsQuery)
  const { zone = 'UTC' } = query
  const { account, fromMs: givenFromMs, toMs = now() + 1 } = filterOf(query, caller)
  const fromMs = givenFromMs ?? Math.max(toMs - STATS_DAYS * DAY_MS, 0)
  if (fromMs >= toMs || toMs - fromMs > STATS_DAYS_MAX * DAY_MS)
    throw new AppError('invalid', `Needs from < to, and no more than ${STATS_DAYS_MAX} days`)
  const { total, days, hours, methods, accounts } = await unlockStats(counts, {
    zone,
    account,
    fromMs,
    toMs,
  })
  const people = await Promise.all(
    mostOf(accounts).map(async ([public_id, count]) => ({
      account: public_id,
      username: public_id === null ? null : await counts.usernameOf(public_id),
      count,
    })),
  )
  return {
    zone,
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    total,
    days: [...days].map(([day, count]) => ({ day, count })),
    hours,
    methods: mostOf(methods).map(([method, count]) => ({ method, count })),
    accounts: people,
  }
}

const mostOf = <Key>(counts: ReadonlyMap<Key, number>): readonly (readonly [Key, number])[] =>
  [...counts].toSorted(([, one], [, other]) => other - one).slice(0, STATS_NAMES_MAX)

/** The filter that was asked for, as far as the caller may see: a member only their own. */
const filterOf = (query: Search, caller: Account | undefined): UnlockFilter => {
  const { publicId } = signedIn(caller)
  const { lock, method, result, text } = query
  const account = query.account?.toLowerCase()
  const seesAll = hasRole(caller, 'admin')
  if (!seesAll && account !== undefined && account !== publicId)
    throw new AppError('not_found', 'No such account')
  return {
    account: seesAll ? account : publicId,
    lock,
    method,
    result,
    text,
    ...spanOf(query),
  }
}
