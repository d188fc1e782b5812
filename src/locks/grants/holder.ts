import { ROLES, type Role, rolesUpTo } from '../../domain/account.ts'

/** A holder of grants: an account, by public id, or everyone with a role or a higher one. */
export type Holder = { readonly account: string } | { readonly role: Role }

/** Writes a holder as the database and queries do: `account:<public id>` or `role:<role>`. */
export const holderText = (holder: Holder): string =>
  'account' in holder ? `account:${holder.account}` : `role:${holder.role}`

/** Reads the text of a holder; undefined for any other text. */
export const holderFrom = (text: string): Holder | undefined => {
  const [kind, name = '', ...more] = text.split(':')
  if (more.length > 0) return undefined
  if (kind === 'account') return PUBLIC_ID.test(name) ? { account: name } : undefined
  const role = ROLES.find((known) => known === name)
  return kind === 'role' && role ? { role } : undefined
}

const PUBLIC_ID = /^[0-9a-f-]{36}$/

/** Returns the holders whose grants an account may use: itself, its role and the roles below. */
export const holdersOf = ({ publicId, role }: Entitled): readonly string[] => [
  holderText({ account: publicId }),
  ...holdersOfRole(role),
]

type Entitled = { readonly publicId: string; readonly role: Role }

export const holdersOfRole = (role: Role): readonly string[] =>
  rolesUpTo(role).map((lower) => holderText({ role: lower }))
