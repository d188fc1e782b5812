import type { App } from '../../app.ts'
import { ROLES } from '../../domain/account.ts'
import { AppError } from '../../errors.ts'
import { type Holder, holderFrom } from '../../locks/grants/holder.ts'

export const ROLE_WORDS = ROLES.map((role) => `${role}s`).join(', ')

/** Finds who is meant: a role in the plural, a holder as in the API, or a person by name. */
export const holderNamed = async (app: App, who: string): Promise<Holder> => {
  const role = ROLES.find((known) => who === `${known}s`)
  if (role) return { role }
  const holder = holderFrom(who)
  if (holder) return holder
  const account = await app.accounts.authentication.find(who)
  if (!account)
    throw new AppError(
      'not_found',
      'There is no such account; see user list, or use members, admins or owners',
    )
  return { account: account.publicId }
}
