import { type Static, Type as t } from '@sinclair/typebox'
import { AppError } from '../../errors.ts'
import { addressOf } from './query.ts'
import { Time, oneOf, timeMs } from './text.ts'

const ORDERS = ['newest', 'oldest'] as const
export type Order = (typeof ORDERS)[number]

const DEFAULT_LIMIT = 50
const LIMIT_MAX = 200

/** The parameters by which every long list is read page by page. */
export const PAGE = {
  order: t.Optional({ ...oneOf(ORDERS), default: 'newest' }),
  limit: t.Optional(t.Integer({ minimum: 1, maximum: LIMIT_MAX, default: DEFAULT_LIMIT })),
  cursor: t.Optional(
    t.String({ pattern: '^[A-Za-z0-9_-]{1,100}$', description: '`next` of the page before' }),
  ),
}

/** The parameters that narrow a list by the server's clock. */
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

/** The times of a span, milliseconds; throws `invalid` for what is no time, or not before the other. */
export const spanOf = ({ from, to }: { readonly from?: string; readonly to?: string }) => {
  const [fromMs, toMs] = [timeOf('from', from), timeOf('to', to)]
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs)
    throw new AppError('invalid', 'Needs from < to')
  return { fromMs, toMs }
}

const timeOf = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  const ms = timeMs(text)
  if (ms === undefined || ms < 0) throw new AppError('invalid', `Invalid ${name}`)
  return ms
}

type Filter = Readonly<Record<string, string | number | undefined>>

type PageQuery = {
  readonly [Name in keyof typeof PAGE]?: Static<(typeof PAGE)[Name]>
}

/** Which page was asked for: how many rows, behind which number. Throws `invalid` for the cursor of
 * another filter or order. */
export const pageOf = (
  { order = 'newest', limit = DEFAULT_LIMIT, cursor }: PageQuery,
  filter: Filter,
) => ({
  order,
  limit,
  after: cursor === undefined ? undefined : readCursor(cursor, { filter, order }),
})

/** A request, and what its answer will have besides a body. */
export type Answered = {
  readonly request: Request
  readonly set: { readonly headers: Record<string, string | number | undefined> }
}

/** Gives the cursor that goes on behind a row, and says it in a `Link` (RFC 8288) too: relative,
 * for whatever name and scheme the client reaches the server by. */
export const nextPage = (
  { request, set }: Answered,
  { after, ...search }: Search & { readonly after: number | undefined },
): string | null => {
  if (after === undefined) return null
  const cursor = writeCursor(after, search)
  const { pathname, searchParams } = addressOf(request)
  searchParams.set('cursor', cursor)
  set.headers['link'] = `<${pathname}?${searchParams.toString()}>; rel="next"`
  return cursor
}

type Search = { readonly filter: Filter; readonly order: Order }

/** Where a page ended: base64url of the order, the last number and a mark of the filter. */
const writeCursor = (seq: number, search: Search): string =>
  Buffer.from(`${search.order}.${seq}.${mark(search)}`).toString('base64url')

/** Gives the number that a cursor goes on behind; throws `invalid` for one of another search. */
const readCursor = (cursor: string, search: Search): number => {
  const [, digits = ''] = Buffer.from(cursor, 'base64url').toString().split('.')
  const seq = Number(digits)
  if (!Number.isSafeInteger(seq) || seq < 0 || writeCursor(seq, search) !== cursor)
    throw new AppError('invalid', 'Invalid cursor; begin again without it')
  return seq
}

const mark = ({ filter, order }: Search): string => {
  const wanted = JSON.stringify([
    order,
    Object.entries(filter).filter(([, value]) => value !== undefined),
  ])
  return new Bun.CryptoHasher('sha256').update(wanted).digest('base64url').slice(0, MARK_CHARACTERS)
}

const MARK_CHARACTERS = 12
