import { findAccountState } from '../../accounts/core/account-state-store.ts'
import type { App } from '../../app.ts'
import { AppError } from '../../errors.ts'

/** Returns the public id of a person by name. Throws `not_found`. */
export const personNamed = async (
  { accounts }: Pick<App, 'accounts'>,
  username: string,
): Promise<string> => {
  const account = await accounts.authentication.find(username)
  if (!account) throw new AppError('not_found', `There is no account ${username}; see user list`)
  return account.publicId
}

/** Returns the names of people by their public ids. */
export const namesOf = async (
  { db }: Pick<App, 'db'>,
  publicIds: Iterable<string>,
): Promise<(publicId: string) => string> => {
  const names = new Map<string, string>()
  for (const publicId of new Set(publicIds)) {
    const account = await findAccountState(db, publicId)
    if (account) names.set(publicId, account.username)
  }
  return (publicId) => names.get(publicId) ?? 'an erased person'
}
