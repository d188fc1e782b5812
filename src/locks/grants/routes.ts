import type { Static } from '@sinclair/typebox'
import { HEAVY_READ_REFUSED, invalid, problem } from '../../http/answers.ts'
import { requireRole } from '../../http/authorization.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { qrSvg } from '../../http/page/qr.ts'
import { IfMatchHeaders, VERSION_CHANGED, ifMatch } from '../../http/request/headers/if-match.ts'
import { NEVER_OPENS } from '../rules/terms.ts'
import { LOCK_RETIRED } from './asked-locks.ts'
import { BEYOND_YOUR_GRANTS, GUESTS_BY_ADMINS } from './guests.ts'
import { previewJson } from './json.ts'
import { type GrantReading, NO_SUCH_GRANT } from './reading.ts'
import {
  GRANT_EXAMPLE,
  GrantAnswer,
  GrantBody,
  GrantParams,
  GrantPatchBody,
  GrantsAnswer,
  GrantsQuery,
  NewGrantAnswer,
  PAGE_DEFAULT,
  PreviewAnswer,
  RevocationAnswer,
  RevocationBody,
} from './schema.ts'
import { OWNER_NEEDED } from './rights.ts'
import { TOO_MANY } from './room.ts'
import { GRANT_REVOKED, type Grants, KEY_TAKEN, VERSION_NEEDED } from './service.ts'

type Dependencies = { readonly grants: Grants; readonly reading: GrantReading }

/** Who may open which locks, and when. */
export const grantRoutes = (deps: Dependencies): readonly Endpoint[] => [
  list(deps),
  make(deps),
  preview(deps),
  read(deps),
  change(deps),
  revoke(deps),
]

const NOT_ALLOWED = problem(403, 'owner_needed', OWNER_NEEDED)
const NOT_SHARED = [
  problem(403, 'guests_by_admins', GUESTS_BY_ADMINS),
  problem(403, 'beyond_your_grants', BEYOND_YOUR_GRANTS),
]
const NO_GRANT = problem(404, 'not_found', NO_SUCH_GRANT)
const NO_ACCOUNT = problem(404, 'not_found', 'No such account')
const NEVER = problem(400, 'never_opens', NEVER_OPENS)
const FULL = problem(409, 'too_many_grants', TOO_MANY)
const RETIRED = problem(409, 'lock_retired', LOCK_RETIRED)

const list = ({ reading }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/grants',
      access: 'member',
      tag: 'Grants',
      operationId: 'listGrants',
      summary: 'List grants',
      description:
        'Newest first. Admins and owners see all grants; a member sees their own and those of ' +
        'their role.',
      query: GrantsQuery,
      isHeavy: () => true,
      answers: {
        200: {
          description: 'A page',
          schema: GrantsAnswer,
          example: { grants: [GRANT_EXAMPLE], next: null },
        },
        400: invalid(GrantsQuery, 'state'),
        ...HEAVY_READ_REFUSED,
      },
    },
    ({ account, query, signal }) => {
      const { limit = PAGE_DEFAULT, cursor, ...filter } = query
      return reading.page(account, { filter, cursor, limit, signal })
    },
  )

const make = ({ grants, reading }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/grants',
      access: 'member',
      limits: ['changes'],
      tag: 'Grants',
      operationId: 'createGrant',
      summary: 'Create a grant',
      description:
        'Dates, windows, uses and network must all allow an opening. Admins may give access to ' +
        'members and to `role:member`, owners to everyone. A grant to an account lets the person in ' +
        'if they are waiting. Members may invite guests where `GUEST_PASSES=members`, to doors that ' +
        'they may open themselves; the answer has the link for the guest, once. With a `key`, a request can be repeated if its answer was lost: the ' +
        'same terms get 200 and the existing grant, other terms get 409, even after the grant was ' +
        'changed or revoked.',
      body: GrantBody,
      answers: {
        200: {
          description: 'The existing grant with this key',
          schema: NewGrantAnswer,
          example: GRANT_EXAMPLE,
        },
        201: { description: 'The new grant', schema: NewGrantAnswer, example: GRANT_EXAMPLE },
        400: [invalid(GrantBody, 'locks'), NEVER],
        403: [NOT_ALLOWED, ...NOT_SHARED],
        404: NO_ACCOUNT,
        409: [problem(409, 'key_taken', KEY_TAKEN), RETIRED, FULL],
      },
    },
    async ({ account, caller, body, set }) => {
      if (!('pass' in body.holder)) requireRole(caller, 'admin')
      const { isNew, grant, link } = await grants.make(caller, requestOf(body))
      if (isNew) set.status = 201
      const shown = await reading.show(account, grant)
      return link === undefined ? shown : { ...shown, link, qr_svg: qrSvg(link) }
    },
  )

const preview = ({ grants }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/grants/preview',
      access: 'member',
      // It writes nothing.
      checksDisk: true,
      tag: 'Grants',
      operationId: 'previewGrant',
      summary: 'Show what a grant would open',
      description: 'Takes the body of a new grant and makes the same checks, but writes nothing.',
      body: GrantBody,
      answers: {
        200: {
          description: 'The grant in words, and its next five openings',
          schema: PreviewAnswer,
          example: { words: GRANT_EXAMPLE.words, occurs: GRANT_EXAMPLE.occurs },
        },
        400: [invalid(GrantBody, 'locks'), NEVER],
        403: [NOT_ALLOWED, ...NOT_SHARED],
        404: NO_ACCOUNT,
        409: RETIRED,
      },
    },
    async ({ caller, body }) => {
      if (!('pass' in body.holder)) requireRole(caller, 'admin')
      const { shown, ...previewed } = await grants.preview(caller, requestOf(body))
      return previewJson(previewed, shown)
    },
  )

/** Returns what the body of a request grants. */
export const requestOf = ({ key, holder, locks, ...asked }: Static<typeof GrantBody>) => ({
  key,
  holder,
  locks,
  asked,
})

const read = ({ reading }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/grants/:id',
      access: 'member',
      tag: 'Grants',
      operationId: 'getGrant',
      summary: 'Get a grant',
      params: GrantParams,
      answers: {
        200: { description: 'The grant', schema: GrantAnswer, example: GRANT_EXAMPLE },
        404: NO_GRANT,
      },
    },
    ({ account, params }) => reading.find(account, params.id),
  )

const change = ({ grants, reading }: Dependencies) =>
  endpoint(
    {
      method: 'PATCH',
      path: '/v1/grants/:id',
      access: 'member',
      limits: ['changes'],
      tag: 'Grants',
      operationId: 'updateGrant',
      summary: 'Change a grant',
      description:
        'Creates its next version. Omitted fields stay as they are, and null clears a field. Uses ' +
        'so far still count. The holder cannot be changed: revoke the grant and create another one. A ' +
        'host may change the grants of their guests, admins all.',
      params: GrantParams,
      headers: IfMatchHeaders,
      body: GrantPatchBody,
      answers: {
        200: { description: 'The grant', schema: GrantAnswer, example: GRANT_EXAMPLE },
        400: [invalid(GrantPatchBody, 'locks'), NEVER],
        403: [NOT_ALLOWED, ...NOT_SHARED],
        404: NO_GRANT,
        409: [problem(409, 'grant_revoked', GRANT_REVOKED), RETIRED, FULL],
        412: VERSION_CHANGED,
        428: problem(428, 'version_needed', VERSION_NEEDED),
      },
    },
    async ({ request, account, caller, params, body: { locks, ...asked } }) => {
      if (!(await grants.isOfGuest(params.id))) requireRole(caller, 'admin')
      const grant = await grants.change(caller, {
        id: params.id,
        version: ifMatch(request),
        patch: { locks, asked },
      })
      return reading.show(account, grant)
    },
  )

const revoke = ({ grants }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/grants/:id/revocation',
      access: 'member',
      limits: ['changes'],
      tag: 'Grants',
      operationId: 'revokeGrant',
      summary: 'Revoke a grant',
      description:
        'For good, by an admin, or by the host of a guest. Revoking it again changes nothing.',
      params: GrantParams,
      body: RevocationBody,
      answers: {
        200: {
          description: 'The locks that it no longer opens',
          schema: RevocationAnswer,
          example: {
            effective: [{ lock: 'front-door', now: true, at: '2027-03-30T08:12:44.125Z' }],
          },
        },
        400: invalid(RevocationBody, 'why'),
        403: NOT_ALLOWED,
        404: NO_GRANT,
      },
    },
    async ({ caller, params, body: { why = null } }) => {
      if (!(await grants.isOfGuest(params.id))) requireRole(caller, 'admin')
      const { labels, atMs } = await grants.revoke(caller, params.id, why)
      const at = new Date(atMs).toISOString()
      return { effective: labels.map((lock) => ({ lock, now: true as const, at })) }
    },
  )
