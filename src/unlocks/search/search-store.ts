import type { Queries } from '../../storage/database.ts'
import { conditionsOf } from './filter-store.ts'
import { type Key, mergedLists } from './lists-store.ts'
import { SORTING } from './order.ts'
import { besideWithText, listsWithText } from './text-store.ts'
import { type Wanted, type Way, waysToSearch } from './ways-store.ts'

export type Search<Row> = Way<Row> & {
  /** Returns how to search on where the first events had little of what is wanted; undefined if no event
   * can fit. */
  readonly narrowed?: () => Promise<Search<Row> | undefined>
}

/** Returns how to search for some columns of events, or undefined if no event can fit. One index leads, the
 * one likely to leave the fewest events, and gives the order; of what it leaves, only the events that fit are
 * read whole. */
export const searchFor = async <Row extends Key>(
  db: Queries,
  wanted: Wanted,
  columns: string,
): Promise<Search<Row> | undefined> => {
  const conditions = await conditionsOf(db, wanted)
  if (!conditions) return undefined
  const { order, filter, signal } = wanted
  const { text, account, unit } = filter
  const isByTime = SORTING[order].numbers === 2
  const lead = isByTime ? conditions.find(({ isIndexed }) => isIndexed) : undefined
  const ways = waysToSearch<Row>(db, wanted, columns)
  if (lead?.accounts) {
    const numbers = { accounts: lead.accounts, methods: [], locks: [] }
    const others = conditions.filter((one) => one !== lead)
    return ways.byKeys(others, (interval) =>
      mergedLists(db, { numbers, beside: [], order, interval, signal }),
    )
  }
  const search = ways.byIndex(conditions, lead)
  // The unlocks of some accounts are few already.
  if (text === undefined || (isByTime && (account ?? unit) !== undefined)) return search
  const narrowed = async (): Promise<Search<Row> | undefined> => {
    const beside = await besideWithText(db, text)
    const numbers = await listsWithText(db, text, signal)
    if (!numbers) return search
    const others = numbers.methods.length + numbers.locks.length
    if (numbers.accounts.length + others + beside.length === 0) return undefined
    // The unlocks of a method or a lock may be more than those that the index leaves.
    if (!isByTime || (lead && others > 0)) return search
    return ways.byKeys(conditions, (interval) =>
      mergedLists(db, { numbers, beside, order, interval, signal }),
    )
  }
  return { ...search, narrowed }
}
