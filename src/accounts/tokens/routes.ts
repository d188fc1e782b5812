import { invalid, message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { OWNERS_ONLY } from '../core/authorization.ts'
import {
  MADE_EXAMPLE,
  MadeTokenAnswer,
  OWNED_EXAMPLE,
  PAGE_DEFAULT,
  TOKEN_EXAMPLE,
  TokenBody,
  TokenPageAnswer,
  TokenParams,
  TokensAnswer,
  TokensQuery,
  madeTokenJson,
  ownedTokenJson,
  termsOf,
  tokenJson,
} from './schema.ts'
import { type AccessTokenService, NO_SUCH_TOKEN, TOO_MANY_TOKENS } from './service.ts'

type Dependencies = {
  readonly tokens: Pick<
    AccessTokenService,
    'make' | 'listOf' | 'page' | 'revokeOwn' | 'revokeAnyones'
  >
}

/** Access tokens for scripts and devices: your own and, for owners, everyone's. None of these can be called with
 * an access token. */
export const accessTokenRoutes = (deps: Dependencies): readonly Endpoint[] => [
  listOwn(deps),
  make(deps),
  revokeOwn(deps),
  list(deps),
  revoke(deps),
]

const REVOKED = message('The token is revoked', 'Token revoked')
const UNKNOWN = problem(404, 'not_found', NO_SUCH_TOKEN)

const listOwn = ({ tokens }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/me/tokens',
      access: 'member',
      tag: 'Access tokens',
      operationId: 'listMyTokens',
      summary: 'List your access tokens',
      description: 'Newest first, without those you revoked.',
      answers: {
        200: {
          description: 'The tokens',
          schema: TokensAnswer,
          example: { tokens: [TOKEN_EXAMPLE] },
        },
      },
    },
    async ({ account }) => ({ tokens: (await tokens.listOf(account.publicId)).map(tokenJson) }),
  )

const make = ({ tokens }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/me/tokens',
      access: 'member',
      limits: ['auth', 'changes'],
      tag: 'Access tokens',
      operationId: 'createMyToken',
      summary: 'Create an access token for a script or device',
      description:
        'It acts for you, with the rights that your account has at each use, limited by the scopes of the ' +
        'token. `unlocks:read` reads unlocks as you see them, `unlocks:write:LOCK` ' +
        'records unlocks at one lock, `locks:operate:LOCK` asks to open one lock with your grants, ' +
        '`people:read` reads accounts, and `metrics:read` the metrics; the last two need an admin. ' +
        'The token is returned only once.',
      body: TokenBody,
      answers: {
        200: { description: 'The token', schema: MadeTokenAnswer, example: MADE_EXAMPLE },
        400: invalid(TokenBody, 'scopes'),
        403: problem(
          403,
          'wrong_password',
          'Wrong password (`wrong_password`), or nobody has let you in yet (`not_admitted`)',
        ),
        409: problem(409, 'too_many_tokens', TOO_MANY_TOKENS),
        503: problem(503, 'unavailable', 'Server busy, try again'),
      },
    },
    async ({ caller, account, body: { password, ...terms } }) =>
      madeTokenJson(await tokens.make({ ...caller, account }, password, termsOf(terms))),
  )

const revokeOwn = ({ tokens }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/me/tokens/:id',
      access: 'member',
      checksDisk: true,
      limits: ['changes'],
      tag: 'Access tokens',
      operationId: 'revokeMyToken',
      summary: 'Revoke an access token',
      description: 'It stops working immediately, and its streams end.',
      params: TokenParams,
      answers: { 200: REVOKED, 404: UNKNOWN },
    },
    async ({ caller, account, params }) => {
      await tokens.revokeOwn({ ...caller, account }, params.id.toLowerCase())
      return { msg: 'Token revoked' }
    },
  )

const list = ({ tokens }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/tokens',
      access: 'owner',
      tag: 'Access tokens',
      operationId: 'listTokens',
      summary: 'List everyone’s access tokens',
      description: 'Newest first, without revoked ones.',
      query: TokensQuery,
      answers: {
        200: {
          description: 'A page of tokens',
          schema: TokenPageAnswer,
          example: { tokens: [OWNED_EXAMPLE], next: null },
        },
        400: invalid(TokensQuery, 'limit'),
      },
    },
    async ({ query: { cursor, limit = PAGE_DEFAULT } }) => {
      const { page, next } = await tokens.page(cursor, limit)
      return { tokens: page.map(ownedTokenJson), next: next ?? null }
    },
  )

const revoke = ({ tokens }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/tokens/:id',
      access: 'owner',
      checksDisk: true,
      limits: ['changes'],
      tag: 'Access tokens',
      operationId: 'revokeToken',
      summary: 'Revoke anyone’s access token',
      params: TokenParams,
      answers: { 200: REVOKED, 403: problem(403, 'owner_needed', OWNERS_ONLY), 404: UNKNOWN },
    },
    async ({ caller, params }) => {
      await tokens.revokeAnyones(caller, params.id.toLowerCase())
      return { msg: 'Token revoked' }
    },
  )
