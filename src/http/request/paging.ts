import { type Static, Type as t } from '@sinclair/typebox'
import { AppError } from '../../errors.ts'
import { acceptedBy, accepting, notAccepted } from './accepted.ts'
import { addressOf } from './query.ts'
import { Time, oneOf, timeMs } from './text.ts'

const ORDERS = ['newest', 'oldest'] as const
export type Order = (typeof ORDERS)[number]

const DEFAULT_LIMIT = 50
const LIMIT_MAX = 200

/** The parameters with which every long list is read page by page. */
export const PAGE = {
  order: t.Optional({ ...oneOf(ORDERS), default: 'newest' }),
  limit: t.Optional(t.Integer({ minimum: 1, maximum: LIMIT_MAX, default: DEFAULT_LIMIT })),
  cursor: t.Optional(
    t.String({
      pattern: '^[A-Za-z0-9_-]{1,100}$',
      description: '`next` of the previous page',
      ...accepting('`next` of the previous page'),
    }),
  ),
}

/** The parameters that limit a list to a time span by the server's clock. */
export const SPAN = {
  from: t.Optional({
    ...Time,
    description: 'At this time or later by the server’s clock, RFC 3339',
  }),
  to: t.Optional({ ...Time, description: 'Before this time by the server’s clock, RFC 3339' }),
}

/** The member `next` of every answer that is a page. */
export const Next = t.Union([t.String(), t.Null()], {
  description: 'Cursor of the next page; null at the end',
})

/** Returns the times of a span in milliseconds. Throws `invalid` for a value that is not a time, and if
 * `from` is not before `to`. */
export const spanOf = ({ from, to }: { readonly from?: string; readonly to?: string }) => {
  const [fromMs, toMs] = [timeOf('from', from), timeOf('to', to)]
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs)
    throw new AppError('invalid', 'Needs from < to', { fields: { to: 'a time after `from`' } })
  return { fromMs, toMs }
}

const timeOf = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  const ms = timeMs(text)
  if (ms === undefined || ms < 0) throw notAccepted({ [name]: acceptedBy(Time) })
  return ms
}

type Filter = Readonly<Record<string, string | number | undefined>>

type PageQuery<Any extends string> = {
  readonly limit?: Static<typeof PAGE.limit>
  readonly cursor?: Static<typeof PAGE.cursor>
  readonly order?: Any
}

/** Returns which page is requested: how many rows, after which number. Throws `invalid` for the cursor
 * of another filter or order. */
export const pageOf = (query: PageQuery<Order>, filter: Filter) => {
  const sorted = { ...query, order: query.order ?? 'newest' }
  const { order, limit, after } = sortedPageOf(sorted, filter, 1)
  return { order, limit, after: after?.[0] }
}

/** The same for a list with orders of its own, in which a place may be several numbers. */
export const sortedPageOf = <Any extends string>(
  { order, limit = DEFAULT_LIMIT, cursor }: PageQuery<Any> & { readonly order: Any },
  filter: Filter,
  numbers: number,
) => ({
  order,
  limit,
  after: cursor === undefined ? undefined : readCursor(cursor, { filter, order }, numbers),
})

/** A request, and the headers of its answer. */
export type Answered = {
  readonly request: Request
  readonly set: { readonly headers: Record<string, string | number | undefined> }
}

/** Returns the cursor of the page after a row, and puts it into a `Link` header (RFC 8288) too, relative
 * to the name and scheme the client uses. */
export const nextPage = (
  { request, set }: Answered,
  { after, ...search }: Search & { readonly after: number | readonly number[] | undefined },
): string | null => {
  if (after === undefined) return null
  const cursor = writeCursor(typeof after === 'number' ? [after] : after, search)
  const { pathname, searchParams } = addressOf(request)
  searchParams.set('cursor', cursor)
  set.headers['link'] = `<${pathname}?${searchParams.toString()}>; rel="next"`
  return cursor
}

type Search = { readonly filter: Filter; readonly order: string }

/** A cursor is base64url of the order, the last numbers and a hash of the filter. */
const writeCursor = (numbers: readonly number[], search: Search): string =>
  Buffer.from([search.order, ...numbers, filterHash(search)].join('.')).toString('base64url')

/** Returns the numbers after which a cursor continues. Throws `invalid` for one of another search. */
const readCursor = (cursor: string, search: Search, count: number): readonly number[] => {
  const numbers = Buffer.from(cursor, 'base64url').toString().split('.').slice(1, -1).map(Number)
  const areNumbers = numbers.length === count && numbers.every(Number.isSafeInteger)
  if (!areNumbers || writeCursor(numbers, search) !== cursor)
    throw new AppError('invalid', 'Invalid cursor; begin again without it')
  return numbers
}

const filterHash = ({ filter, order }: Search): string => {
  const text = JSON.stringify([
    order,
    Object.entries(filter).filter(([, value]) => value !== undefined),
  ])
  return new Bun.CryptoHasher('sha256').update(text).digest('base64url').slice(0, HASH_CHARACTERS)
}

const HASH_CHARACTERS = 12
