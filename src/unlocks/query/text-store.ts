import { containing, foldedText } from '../../domain/folded-text.ts'
import type { Queries } from '../../storage/database.ts'
import type { Result } from '../log/event.ts'
import type { UnlockRow } from '../log/event-row.ts'

type Filter = {
  readonly account?: string | undefined
  readonly method?: string | undefined
  readonly result?: Result | undefined
  readonly text?: string | undefined
}

/** What SQL cannot compare: text as people write it. */
export type TextMatch = {
  /** The columns that it reads, and the key of the row. */
  readonly columns: string
  readonly fits: (row: Pick<UnlockRow, 'username' | 'method' | 'lock'>) => boolean
}

/** Returns what a filter says about text; undefined if that is nothing, or if an index serves the
 * `spelling` of its method. */
export const textMatch = (
  { method, text }: Filter,
  spelling: string | undefined,
): TextMatch | undefined => {
  const wanted = method === undefined || spelling !== undefined ? undefined : foldedText(method)
  const isMethod = (row: Pick<UnlockRow, 'method'>): boolean =>
    wanted === undefined || (row.method !== null && foldedText(row.method) === wanted)
  if (text === undefined)
    return wanted === undefined ? undefined : { columns: 'seq, method', fits: isMethod }
  const isPart = containing(text)
  return {
    columns: 'seq, method, username, lock',
    fits: (row) =>
      isMethod(row) && [row.method, row.username, row.lock, spaced(row.lock)].some(isPart),
  }
}

/** The label of a lock as people write it: the front door is `front-door`. */
const spaced = (lock: string): string => lock.replaceAll('-', ' ')

/** Distinct methods that are looked through: a home has a few, but apps may make up more. */
const METHODS_MAX = 500

/** Returns the only way in which the log writes the filter's method, by which its index finds the
 * events; undefined if there are several, or if a better index leads. */
export const spellingFor = async (
  db: Pick<Queries, 'get'>,
  { account, method, result }: Filter,
): Promise<string | undefined> => {
  if (method === undefined || account !== undefined || result === 'denied') return undefined
  const wanted = foldedText(method)
  let found: string | undefined
  let last = ''
  for (let looked = 0; looked < METHODS_MAX; looked += 1) {
    const next = await db.get<{ method: string | null }>(
      'SELECT min(method) AS method FROM unlock_event WHERE method > ?',
      last,
    )
    if (typeof next?.method !== 'string') return found ?? method
    last = next.method
    if (foldedText(last) !== wanted) continue
    if (found !== undefined) return undefined
    found = last
  }
  return undefined
}
