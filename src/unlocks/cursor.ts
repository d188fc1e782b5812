import { AppError } from '../errors.ts'
import type { Order, UnlockFilter } from './read-store.ts'

type Search = { readonly filter: UnlockFilter; readonly order: Order }

/** Where a page ended: base64url of the order, the last number and a mark of the filter. */
export const writeCursor = (seq: number, search: Search): string =>
  Buffer.from(`${search.order}.${seq}.${mark(search)}`).toString('base64url')

/** Gives the number that a cursor goes on behind; throws `invalid` for one of another search. */
export const readCursor = (cursor: string, search: Search): number => {
  const [, digits = ''] = Buffer.from(cursor, 'base64url').toString().split('.')
  const seq = Number(digits)
  if (!Number.isSafeInteger(seq) || seq < 0 || writeCursor(seq, search) !== cursor)
    throw new AppError('invalid', 'Invalid cursor; begin again without it')
  return seq
}

const mark = ({ filter, order }: Search): string => {
  const { account, lock, method, result, fromMs, toMs, text } = filter
  const wanted = JSON.stringify([order, account, lock, method, result, fromMs, toMs, text])
  return new Bun.CryptoHasher('sha256').update(wanted).digest('base64url').slice(0, MARK_CHARACTERS)
}

const MARK_CHARACTERS = 12
