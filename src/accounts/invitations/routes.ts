import type { Static } from '@sinclair/typebox'
import { takeTurn } from '../../domain/event-loop.ts'
import { AppError } from '../../errors.ts'
import { invalid, message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { qrSvg } from '../../http/page/qr.ts'
import { idempotencyKey } from '../../http/request/headers/idempotency-key.ts'
import { checkFields, isObject, readJson } from '../../http/request/json-body.ts'
import {
  CREATED_EXAMPLE,
  CreatedAnswer,
  HOURS_DEFAULT,
  INVITATIONS_MAX,
  type InvitationAnswer,
  InvitationBody,
  InvitationHeaders,
  InvitationParams,
  InvitationsBody,
  InvitationsAnswer,
  InvitationsQuery,
  PAGE_DEFAULT,
} from './schema.ts'
import { type CreatedInvitation, type Invitations, KEY_IN_USE, type Terms } from './service.ts'
import type { ListedInvitation, NamedAccount } from './store.ts'

type Dependencies = { readonly invitations: Invitations }

/** Inviting people, for admins and owners. */
export const invitationRoutes = (deps: Dependencies): readonly Endpoint[] => [
  list(deps),
  create(deps),
  revoke(deps),
]

const NOT_ALLOWED = problem(403, 'forbidden', 'Admins can only invite members')

const list = ({ invitations }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/invitations',
      access: 'admin',
      tag: 'Invitations',
      operationId: 'listInvitations',
      summary: 'List invitations',
      description: 'Newest first, without their codes, and with the accounts that used them.',
      query: InvitationsQuery,
      answers: {
        200: { description: 'A page', schema: InvitationsAnswer },
        400: invalid(InvitationsQuery, 'limit'),
        403: problem(403, 'forbidden', 'Only an admin may do this'),
      },
    },
    async ({ query: { limit = PAGE_DEFAULT, cursor } }) => {
      const { page, next } = await invitations.page(cursor, limit)
      return { invitations: page.map(invitationJson), next: next ?? null }
    },
  )

const create = ({ invitations }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/invitations',
      access: 'admin',
      limits: ['changes'],
      tag: 'Invitations',
      operationId: 'createInvitation',
      summary: `Create one invitation or up to ${INVITATIONS_MAX}`,
      description:
        'Takes one invitation, or an array, of which all are created or none. Each gets a code, and ' +
        'a link that contains it, as text and as a QR code. They are shown only once. Anyone with ' +
        'the code can register with this role, as often as `uses` allows, as long as the account ' +
        'that created the invitation could still create it. If the answer was lost, send the ' +
        'same request again with the same `Idempotency-Key`: it revokes the invitations whose ' +
        'codes were lost, and creates new ones.',
      headers: InvitationHeaders,
      body: InvitationsBody,
      bodyBytesMax: BODY_BYTES_MAX,
      answers: {
        200: {
          description: 'The invitation; for an array, the invitations in its order',
          schema: CreatedAnswer,
          example: CREATED_EXAMPLE,
        },
        400: invalid(InvitationBody, 'uses'),
        403: NOT_ALLOWED,
        409: problem(409, 'conflict', KEY_IN_USE),
      },
    },
    async ({ request, caller }) => {
      const body = await readJson(request, BODY_BYTES_MAX)
      const isMany = Array.isArray(body)
      const terms = isMany ? termsOfAll(body) : [termsOf(body)]
      const created: CreatedJson[] = []
      for (const one of await invitations.create(caller, terms, idempotencyKey(request))) {
        // Drawing a QR code takes a millisecond.
        if (created.length > 0) await takeTurn()
        created.push(createdJson(one))
      }
      const [first] = created
      return isMany || !first ? { invitations: created } : first
    },
  )

/** As text in any alphabet, escaped. */
const BODY_BYTES_MAX = 128 * 1024

const termsOfAll = (bodies: readonly unknown[]): readonly Terms[] => {
  if (bodies.length === 0 || bodies.length > INVITATIONS_MAX)
    throw new AppError('invalid', `An array must have 1 to ${INVITATIONS_MAX} invitations`)
  return bodies.map((body, index) => {
    try {
      return termsOf(body)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const words = `Invitation ${index + 1}: ${error.message}`
      throw new AppError(error.code, words, { ...error.details, cause: error })
    }
  })
}

const termsOf = (body: unknown): Terms => {
  if (!isObject(body)) throw new AppError('invalid', 'Invalid JSON format')
  const { role, label = '', unit = null, ...rest } = checkFields(body, InvitationBody)
  const { expires_in_hours: hours = HOURS_DEFAULT, uses: usesMax = 1 } = rest
  return { role, label, unit, hours, usesMax }
}

const revoke = ({ invitations }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/invitations/:id',
      access: 'admin',
      limits: ['changes'],
      tag: 'Invitations',
      operationId: 'revokeInvitation',
      summary: 'Revoke an invitation',
      description: 'It can no longer be used. Accounts registered with it stay.',
      params: InvitationParams,
      answers: {
        200: message('The invitation is revoked', 'Invitation revoked'),
        403: NOT_ALLOWED,
        404: problem(404, 'not_found', 'No such invitation'),
      },
    },
    async ({ params, caller }) => {
      await invitations.revoke(caller, params.id)
      return { msg: 'Invitation revoked' }
    },
  )

type CreatedJson = Static<typeof InvitationAnswer>

const createdJson = (invitation: CreatedInvitation): CreatedJson => ({
  id: invitation.id,
  role: invitation.role,
  label: invitation.label,
  unit: invitation.unit,
  uses_max: invitation.usesMax,
  expires_at: new Date(invitation.expiresAtMs).toISOString(),
  code: invitation.code,
  link: invitation.link,
  qr_svg: qrSvg(invitation.link),
})

export const invitationJson = (invitation: ListedInvitation) => ({
  id: invitation.id,
  role: invitation.role,
  label: invitation.label,
  unit: invitation.unit,
  state: invitation.state,
  made_by: invitation.madeBy ? namedJson(invitation.madeBy) : null,
  made_at: new Date(invitation.createdAtMs).toISOString(),
  expires_at: new Date(invitation.expiresAtMs).toISOString(),
  uses: invitation.uses,
  uses_max: invitation.usesMax,
  accounts: invitation.accounts.map(namedJson),
})

const namedJson = ({ publicId, username }: NamedAccount) => ({
  public_id: publicId,
  username: username ?? null,
})
