import type { Queries } from '../../storage/database.ts'
import { conditionsOf } from './filter-store.ts'
import { type Key, mergedLists } from './lists-store.ts'
import { SORTING } from './order.ts'
import { fewKeys, keysByReceipt } from './receipt-store.ts'
import { besideWithText, listsWithText } from './text-store.ts'
import { type Wanted, type Way, waysToSearch } from './ways-store.ts'

export type Search<Row> = Way<Row> & {
  /** Returns how to continue if few of the first events fit, or undefined if no event can. */
  readonly narrowed?: () => Promise<Search<Row> | undefined>
}

/** Returns how to search for some columns of events, or undefined if no event can fit. One index leads: the one
 * that is likely to select the fewest events, in the wanted order. Of those, only the events that fit are
 * read whole. */
export const searchFor = async <Row extends Key>(
  db: Queries,
  wanted: Wanted,
  columns: string,
): Promise<Search<Row> | undefined> => {
  const conditions = await conditionsOf(db, wanted)
  if (!conditions) return undefined
  const lead = conditions.find(({ isIndexed }) => isIndexed)
  const { order, signal } = wanted
  const ways = waysToSearch<Row>(db, wanted, columns)

  if (SORTING[order].numbers === 1) {
    // No index has this order.
    const search = ways.byIndex(conditions, undefined)
    if (search.isLed) return search
    const narrowed = async (): Promise<Search<Row> | undefined> => {
      const lists = await listsOf(db, wanted)
      if (lists && isEmpty(lists)) return undefined
      const keys = await fewKeys(db, wanted, { lead, lists })
      if (!keys) return search
      return ways.byKeys(conditions, (interval) => keysByReceipt(keys, order, interval))
    }
    return { ...search, narrowed }
  }

  if (lead?.accounts) {
    const numbers = { accounts: lead.accounts, methods: [], locks: [] }
    const others = conditions.filter((one) => one !== lead)
    return ways.byKeys(others, (interval) =>
      mergedLists(db, { numbers, beside: [], order, interval, signal }),
    )
  }
  const search = ways.byIndex(conditions, lead)
  const narrowed = async (): Promise<Search<Row> | undefined> => {
    const lists = await listsOf(db, wanted)
    if (!lists) return search
    if (isEmpty(lists)) return undefined
    const { methods, locks } = lists.numbers
    // A method or a lock may have more unlocks than the index selects.
    if (lead && methods.length + locks.length > 0) return search
    return ways.byKeys(conditions, (interval) =>
      mergedLists(db, { ...lists, order, interval, signal }),
    )
  }
  return { ...search, narrowed }
}

/** Returns the lists with the text of a filter, or undefined if there is no text, if they are too many, or if
 * the filter already selects accounts, which have few unlocks. */
const listsOf = async (db: Queries, { filter: { text, account, unit }, signal }: Wanted) => {
  if (text === undefined || (account ?? unit) !== undefined) return undefined
  const beside = await besideWithText(db, text)
  const numbers = await listsWithText(db, text, signal)
  return numbers && { numbers, beside }
}

type Lists = NonNullable<Awaited<ReturnType<typeof listsOf>>>

const isEmpty = ({ numbers: { accounts, methods, locks }, beside }: Lists): boolean =>
  accounts.length + methods.length + locks.length + beside.length === 0
