import { takeTurn } from '../../domain/event-loop.ts'
import { containing, foldedText } from '../../domain/text/folded-text.ts'
import type { Queries } from '../../storage/database.ts'
import { BESIDE } from '../summary/counted-store.ts'
import type { Key, ListNumbers } from './lists-store.ts'

/** How many names, methods and locks are searched at most, and how many lists may be found: with more, it is
 * as fast to look at the unlocks themselves. */
const NAMES_MAX = 100_000
const LISTS_MAX = 10_000

/** How many names one statement looks at. */
const NAMES_PER_STEP = 500

/** Returns the lists that contain all unlocks with a text in the user name, the method or the lock, and perhaps
 * others, or undefined if there are too many. The lists lack the few unlocks that are not in the summary yet:
 * see `besideWithText`. */
export const listsWithText = async (
  db: Pick<Queries, 'all' | 'get'>,
  text: string,
  signal?: AbortSignal,
): Promise<ListNumbers | undefined> => {
  const ends = await db.get<Record<keyof ListNumbers, number>>(
    `SELECT
       coalesce((SELECT max(id) FROM unlock_account), 0) AS accounts,
       coalesce((SELECT max(number) FROM unlock_method), 0) AS methods,
       coalesce((SELECT max(number) FROM unlock_lock), 0) AS locks`,
  )
  if (!ends || ends.accounts + ends.methods + ends.locks > NAMES_MAX) return undefined
  const allWith = async (end: number, withText: WithText): Promise<readonly number[]> => {
    const numbers: number[] = []
    for (let after = 0; after < end; after += NAMES_PER_STEP) {
      numbers.push(...(await withText(db, text, after)))
      await takeTurn(signal)
    }
    return numbers
  }
  const accounts = await allWith(ends.accounts, accountsWithText)
  const methods = await allWith(ends.methods, methodsWithText)
  const locks = await allWith(ends.locks, locksWithText)
  const count = accounts.length + methods.length + locks.length
  return count > LISTS_MAX ? undefined : { accounts, methods, locks }
}

/** Returns the numbers of those of the next names that contain a text. */
type WithText = (
  db: Pick<Queries, 'all'>,
  text: string,
  after: number,
) => Promise<readonly number[]>

/** An account keeps its name, so it is the same in all of its unlocks. Imported unlocks without an account may
 * have any name. */
const accountsWithText: WithText = async (db, text, after) => {
  const rows = await db.all<{ number: number; isNobody: number; username: string | null }>(
    `SELECT
       number,
       public_id = '' AS "isNobody",
       coalesce(
         (SELECT username FROM account WHERE account.public_id = unlock_account.public_id),
         (
           SELECT username
           FROM unlock_event
           WHERE account_number = unlock_account.number
           ORDER BY happened_at_ms
           LIMIT 1
         )
       ) AS username
     FROM unlock_account
     WHERE id > ? AND id <= ? AND public_id IS NOT NULL`,
    after,
    after + NAMES_PER_STEP,
  )
  const isPart = containing(text)
  return rows.flatMap(({ number, isNobody, username }) =>
    isNobody === 1 || isPart(username) ? number : [],
  )
}

const methodsWithText: WithText = async (db, text, after) => {
  const rows = await db.all<{ number: number; folded: string | null }>(
    'SELECT number, folded FROM unlock_method WHERE number > ? AND number <= ?',
    after,
    after + NAMES_PER_STEP,
  )
  const part = foldedText(text)
  return rows.flatMap(({ number, folded }) => (folded?.includes(part) ? number : []))
}

const locksWithText: WithText = async (db, text, after) => {
  const rows = await db.all<{ number: number; lock: string }>(
    'SELECT number, lock FROM unlock_lock WHERE number > ? AND number <= ?',
    after,
    after + NAMES_PER_STEP,
  )
  const isPart = lockContaining(text)
  return rows.flatMap(({ number, lock }) => (isPart(lock) ? number : []))
}

/** Returns the unlocks with a text among the few that are not in the summary yet. */
export const besideWithText = async (
  db: Pick<Queries, 'all'>,
  text: string,
): Promise<readonly Key[]> => {
  const rows = await db.all<Key & Texts>(
    `SELECT seq, happened_at_ms, method, username, lock FROM unlock_event WHERE ${BESIDE}`,
  )
  return rows.filter(textMatch(text))
}

export type Texts = {
  readonly method: string | null
  readonly username: string | null
  readonly lock: string
}

/** Returns a function that returns whether an unlock contains a text, compared as people do, which SQL
 * cannot. */
export const textMatch = (text: string): ((unlock: Texts) => boolean) => {
  const isPart = containing(text)
  const isPartOfLock = lockContaining(text)
  return ({ method, username, lock }) => isPart(method) || isPart(username) || isPartOfLock(lock)
}

/** Returns a function that returns whether the label of a lock contains a text, also as people write it: the
 * front door is `front-door`. */
const lockContaining = (text: string): ((lock: string) => boolean) => {
  const isPart = containing(text)
  return (lock) => isPart(lock) || isPart(lock.replaceAll('-', ' '))
}
