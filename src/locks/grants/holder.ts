import { ROLES, type Role, rolesUpTo } from '../../domain/account.ts'

/** A holder of grants: an account, by public id; everyone with a role or a higher one; or a guest, by the id of the
 * pass. */
export type Holder =
  | { readonly account: string }
  | { readonly role: Role }
  | { readonly pass: string }

/** Writes a holder as the database and queries do: `account:<public id>`, `role:<role>` or `pass:<id>`. */
export const holderText = (holder: Holder): string => {
  if ('account' in holder) return `account:${holder.account}`
  return 'role' in holder ? `role:${holder.role}` : `pass:${holder.pass}`
}

/** Reads the text of a holder; undefined for any other text. */
export const holderFrom = (text: string): Holder | undefined => {
  const [kind, name = '', ...more] = text.split(':')
  if (more.length > 0) return undefined
  if (kind === 'account') return UUID.test(name) ? { account: name } : undefined
  if (kind === 'pass') return UUID.test(name) ? { pass: name } : undefined
  const role = ROLES.find((known) => known === name)
  return kind === 'role' && role ? { role } : undefined
}

const UUID = /^[0-9a-f-]{36}$/

/** Returns the holders whose grants an account may use: itself, its role and the roles below. */
export const holdersOf = ({ publicId, role }: Entitled): readonly string[] => [
  holderText({ account: publicId }),
  ...holdersOfRole(role),
]

type Entitled = { readonly publicId: string; readonly role: Role }

export const holdersOfRole = (role: Role): readonly string[] =>
  rolesUpTo(role).map((lower) => holderText({ role: lower }))

/** Returns a stored holder as audit events name it: an account by its public id. */
export const subjectOfText = (holder: string | null): string =>
  holder?.replace(/^account:/, '') ?? 'erased'

/** Returns the id of the person or guest that a stored holder is, whose erasure blanks the records about it; null for
 * a role. */
export const personOfText = (holder: string | null): string | null =>
  /^(?:account|pass):(.+)$/.exec(holder ?? '')?.[1] ?? null
