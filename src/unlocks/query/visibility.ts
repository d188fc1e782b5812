import { type Account, hasRole } from '../../domain/account.ts'
import { AppError } from '../../errors.ts'
import { invalid, problem } from '../../http/answers.ts'
import { spanOf } from '../../http/request/paging.ts'
import type { UnlockEvent } from '../log/event.ts'
import type { UnlockStore } from '../log/store.ts'
import { ListQuery, type Search } from './schema.ts'
import type { UnlockFilter } from '../search/filter-store.ts'

/** Who sees what, in the words of the API's descriptions. */
export const WHO_SEES = 'Members see their own unlocks, admins and owners see all. '

export const SEARCH_FAULTS = {
  400: invalid(ListQuery, 'from'),
  404: problem(404, 'not_found', 'No such account'),
}

/** Returns the filter of a search as far as the account may see: for a member only their own
 * unlocks. Throws `not_found` if a member asks for another account. */
export const visibleFilter = (query: Search, account: Account): UnlockFilter => {
  const { lock, method, result, source, text, logins, unit } = query
  const wanted = query.account?.toLowerCase()
  const seesAll = hasRole(account, 'admin')
  if (!seesAll && wanted !== undefined && wanted !== account.publicId)
    throw new AppError('not_found', 'No such account')
  return {
    account: seesAll ? wanted : account.publicId,
    lock,
    method,
    result,
    source,
    text,
    logins,
    unit,
    ...spanOf(query),
  }
}

/** Returns the event with an id. Throws `not_found` if there is none, or if a member asks for another
 * account's. */
export const visibleEvent = async (
  store: Pick<UnlockStore, 'find'>,
  id: string,
  account: Account,
): Promise<UnlockEvent> => {
  const event = await store.find(id.toLowerCase())
  const isOwn = event?.person?.accountPublicId === account.publicId
  if (!event || !(isOwn || hasRole(account, 'admin')))
    throw new AppError('not_found', 'No such unlock')
  return event
}
