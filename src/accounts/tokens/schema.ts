import { type Static, Type as t } from '@sinclair/typebox'
import { HOME_SCOPES, LOCK_SCOPES } from '../../domain/account.ts'
import { DAY_MS } from '../../domain/duration.ts'
import { accepting } from '../../http/request/accepted.ts'
import { optional } from '../../http/request/optional.ts'
import { LockLabel, Uuid, nullable, text } from '../../http/request/text.ts'
import { Password, Time } from '../core/schema.ts'
import type { MadeToken, Terms } from './service.ts'
import type { ListedToken } from './store.ts'

export const DAYS_DEFAULT = 90
export const DAYS_MAX = 3650
const SCOPES_MAX = 20

/** Tokens per page, by default and at most. */
export const PAGE_DEFAULT = 50
const PAGE_MAX = 200

const LABEL = LockLabel.pattern?.slice(1, -1)

const Scope = t.String({
  pattern: `^(${HOME_SCOPES.join('|')}|(${LOCK_SCOPES.join('|')}):${LABEL})$`,
  examples: ['locks:operate:front-door'],
  ...accepting(
    `${HOME_SCOPES.join(', ')}, or ${LOCK_SCOPES.map((scope) => `${scope}:LOCK`).join(' or ')} with the label of a lock`,
  ),
})

const TokenName = text({
  min: 1,
  max: 80,
  description: 'What it is for',
  examples: ['Home Assistant'],
})

const Days = t.Integer({ minimum: 1, maximum: DAYS_MAX })

export const TokenTerms = t.Object({
  name: TokenName,
  scopes: t.Array(Scope, {
    minItems: 1,
    maxItems: SCOPES_MAX,
    description: 'What it may do, within your own rights',
    examples: [['unlocks:read', 'locks:operate:front-door']],
    ...accepting(`1 to ${SCOPES_MAX} scopes`),
  }),
  expires_in_days: optional(
    t.Union([Days, t.Literal('never')], {
      default: DAYS_DEFAULT,
      description: 'How long it is valid, in days, or `never` for no expiry',
      examples: [DAYS_DEFAULT],
    }),
  ),
})

export const TokenBody = t.Object(
  {
    ...TokenTerms.properties,
    password: { ...Password, description: 'Your own password' },
  },
  { $id: 'AccessTokenRequest' },
)

export const termsOf = ({
  name,
  scopes,
  expires_in_days: days = DAYS_DEFAULT,
}: Static<typeof TokenTerms>): Terms => ({
  name: name.trim(),
  scopes: [...new Set(scopes)],
  lifetimeMs: days === 'never' ? null : days * DAY_MS,
})

const TOKEN_FIELDS = {
  id: Uuid,
  name: t.String({ examples: ['Home Assistant'] }),
  scopes: t.Array(t.String(), { examples: [['unlocks:read', 'locks:operate:front-door']] }),
  created_at: Time,
  expires_at: nullable(t.String({ format: 'date-time', description: 'Null for never' })),
  expired: t.Boolean(),
  used_at: nullable(
    t.String({ format: 'date-time', description: 'The hour in which it was last used' }),
  ),
  used_from: nullable(t.String({ description: 'The address from which it was last used' })),
}

export const TokenAnswer = t.Object(TOKEN_FIELDS, {
  $id: 'AccessToken',
  additionalProperties: false,
})

export const tokenJson = (token: ListedToken): Static<typeof TokenAnswer> => ({
  id: token.id,
  name: token.name,
  scopes: [...token.scopes],
  created_at: timeOf(token.createdAtMs),
  expires_at: token.expiresAtMs === null ? null : timeOf(token.expiresAtMs),
  expired: token.hasExpired,
  used_at: token.usedAtMs === null ? null : timeOf(token.usedAtMs),
  used_from: token.usedFrom,
})

const timeOf = (ms: number): string => new Date(ms).toISOString()

export const TOKEN_EXAMPLE = {
  id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
  name: 'Home Assistant',
  scopes: ['unlocks:read', 'locks:operate:front-door'],
  created_at: '2026-11-22T18:30:02.125Z',
  expires_at: '2027-02-20T18:30:02.125Z',
  expired: false,
  used_at: null,
  used_from: null,
}

export const MadeTokenAnswer = t.Object(
  {
    ...TOKEN_FIELDS,
    token: t.String({ description: 'Returned only once; the server stores a hash' }),
  },
  { $id: 'CreatedAccessToken', additionalProperties: false },
)

export const madeTokenJson = ({ listed, token }: MadeToken): Static<typeof MadeTokenAnswer> => ({
  ...tokenJson(listed),
  token,
})

export const MADE_EXAMPLE = { ...TOKEN_EXAMPLE, token: 'sls_…' }

export const TokensAnswer = t.Object(
  { tokens: t.Array(TokenAnswer) },
  { $id: 'AccessTokenList', additionalProperties: false },
)

export const TokensQuery = t.Object({
  limit: t.Optional(t.Integer({ minimum: 1, maximum: PAGE_MAX, default: PAGE_DEFAULT })),
  cursor: t.Optional(
    t.String({
      pattern: '^[0-9a-f-]{36}$',
      description: '`next` of the previous page',
      ...accepting('`next` of the previous page'),
    }),
  ),
})

const OwnedToken = t.Object(
  {
    ...TOKEN_FIELDS,
    account: t.Object(
      { public_id: t.String(), username: t.String() },
      { $id: 'AccountOfToken', additionalProperties: false },
    ),
  },
  { $id: 'OwnedAccessToken', additionalProperties: false },
)

export const ownedTokenJson = (token: ListedToken): Static<typeof OwnedToken> => ({
  ...tokenJson(token),
  account: { public_id: token.accountPublicId, username: token.username },
})

export const OWNED_EXAMPLE = {
  ...TOKEN_EXAMPLE,
  account: { public_id: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81', username: 'ada' },
}

export const TokenPageAnswer = t.Object(
  {
    tokens: t.Array(OwnedToken),
    next: nullable(t.String({ description: 'Cursor of the next page; null at the end' })),
  },
  { $id: 'AccessTokenPage', additionalProperties: false },
)

export const TokenParams = t.Object({
  id: t.String({ description: 'UUID', examples: [TOKEN_EXAMPLE.id] }),
})
