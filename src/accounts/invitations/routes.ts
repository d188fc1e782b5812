import type { Endpoints } from '../../http/router.ts'
import type { ReadBody } from '../../http/request/json-body.ts'
import { message, problem } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import { qrSvg } from '../../http/page/qr.ts'
import { readQuery } from '../../http/request/query.ts'
import {
  HOURS_DEFAULT,
  InvitationAnswer,
  InvitationBody,
  InvitationParams,
  InvitationsAnswer,
  InvitationsQuery,
  PAGE_DEFAULT,
} from './schema.ts'
import type { Named, ListedInvitation } from './store.ts'
import type { Invitations, MadeInvitation } from './service.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly invitations: Invitations
}

/** Inviting people, for admins and owners. */
export const invitationRoutes = ({ endpoints, readBody, invitations }: Dependencies) =>
  endpoints
    .group('default')
    .get(
      '/v1/invitations',
      async ({ request }) => {
        const { limit = PAGE_DEFAULT, cursor } = readQuery(request, InvitationsQuery)
        const { page, next } = await invitations.page(cursor, limit)
        return { invitations: page.map(listedAnswer), next: next ?? null }
      },
      LIST,
    )
    .use(endpoints.changeLimits())
    .post(
      '/v1/invitations',
      async ({ request, caller }) => {
        const {
          role,
          label = '',
          expires_in_hours: hours = HOURS_DEFAULT,
          uses: usesMax = 1,
        } = await readBody(request, InvitationBody)
        return madeAnswer(await invitations.make(caller, { role, label, hours, usesMax }))
      },
      MAKE,
    )
    .delete(
      '/v1/invitations/:id',
      async ({ params, caller }) => {
        await invitations.revoke(caller, params.id)
        return { msg: 'Invitation revoked' }
      },
      REVOKE,
    )

const madeAnswer = (made: MadeInvitation) => ({
  id: made.id,
  role: made.role,
  label: made.label,
  uses_max: made.usesMax,
  expires_at: new Date(made.expiresAtMs).toISOString(),
  code: made.code,
  link: made.link,
  qr_svg: qrSvg(made.link),
})

const listedAnswer = (one: ListedInvitation) => ({
  id: one.id,
  role: one.role,
  label: one.label,
  state: one.state,
  made_by: one.madeBy ? personAnswer(one.madeBy) : null,
  made_at: new Date(one.createdAtMs).toISOString(),
  expires_at: new Date(one.expiresAtMs).toISOString(),
  uses: one.uses,
  uses_max: one.usesMax,
  accounts: one.accounts.map(personAnswer),
})

const personAnswer = ({ publicId, username }: Named) => ({
  public_id: publicId,
  username: username ?? null,
})

const MAKE = operation({
  access: 'admin',
  tag: 'Invitations',
  summary: 'Invite people',
  description:
    'Answers a code, and the link with the code in it as text and as a QR code, which are told only ' +
    'here. Whoever has them registers in this role, as often as `uses` says; nobody can once whoever ' +
    'invited them may not invite any more.',
  body: InvitationBody,
  answers: {
    200: { description: 'The invitation', schema: InvitationAnswer },
    400: problem(400, 'invalid', 'Invalid uses'),
    403: problem(403, 'forbidden', 'Admins invite members; only an owner invites others'),
  },
})

const LIST = operation({
  access: 'admin',
  tag: 'Invitations',
  summary: 'Who was invited, and who came',
  description: 'All invitations, the newest first, without their codes.',
  query: InvitationsQuery,
  answers: {
    200: { description: 'A page of them', schema: InvitationsAnswer },
    400: problem(400, 'invalid', 'Invalid limit'),
    403: problem(403, 'forbidden', 'Only an admin may do this'),
  },
})

const REVOKE = operation({
  access: 'admin',
  tag: 'Invitations',
  summary: 'Revoke an invitation',
  description: 'It is good for nothing from then on; accounts that it made stay.',
  params: InvitationParams,
  answers: {
    200: message('It is over', 'Invitation revoked'),
    403: problem(403, 'forbidden', 'Admins invite members; only an owner invites others'),
    404: problem(404, 'not_found', 'No such invitation'),
  },
})
