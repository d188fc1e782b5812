import { invalid, message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { qrSvg } from '../../http/page/qr.ts'
import {
  HOURS_DEFAULT,
  InvitationAnswer,
  InvitationBody,
  InvitationParams,
  InvitationsAnswer,
  InvitationsQuery,
  PAGE_DEFAULT,
} from './schema.ts'
import type { CreatedInvitation, Invitations } from './service.ts'
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
      summary: 'Create an invitation',
      description:
        'Returns a code, and a link that contains it, as text and as a QR code. They are shown ' +
        'only once. Anyone with the code can register with this role, as often as `uses` ' +
        'allows, as long as the account that created the invitation could still create it.',
      body: InvitationBody,
      answers: {
        200: { description: 'The invitation', schema: InvitationAnswer },
        400: invalid(InvitationBody, 'uses'),
        403: NOT_ALLOWED,
      },
    },
    async ({ caller, body }) => {
      const { role, label = '', expires_in_hours: hours = HOURS_DEFAULT, uses: usesMax = 1 } = body
      return createdJson(await invitations.create(caller, { role, label, hours, usesMax }))
    },
  )

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

const createdJson = (invitation: CreatedInvitation) => ({
  id: invitation.id,
  role: invitation.role,
  label: invitation.label,
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
