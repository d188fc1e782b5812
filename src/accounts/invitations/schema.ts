import { Type as t } from '@sinclair/typebox'
import { ROLES } from '../../domain/account.ts'
import { accepting } from '../../http/request/accepted.ts'
import { IdempotencyKey } from '../../http/request/headers/idempotency-key.ts'
import { optional } from '../../http/request/optional.ts'
import { oneOf, text } from '../../http/request/text.ts'
import { CODE_EXAMPLE, Unit } from '../core/schema.ts'
import { INVITATION_STATES } from './rules.ts'

export const HOURS_DEFAULT = 72
export const HOURS_MAX = 720
export const USES_MAX = 100

/** Invitations in one request. */
export const INVITATIONS_MAX = 50

/** Invitations per page, by default and at most. */
export const PAGE_DEFAULT = 50
const PAGE_MAX = 100

const ID = '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'

const InvitedRole = { ...oneOf(ROLES), examples: ['member'] }

export const InvitationBody = t.Object(
  {
    role: { ...InvitedRole, description: 'Admins can invite members, owners anyone' },
    label: optional(
      text({
        max: 80,
        description: 'Shown in the list of invitations',
        examples: ['Grace’s phone'],
      }),
    ),
    unit: optional({ ...Unit, description: 'The unit of the accounts registered with it' }),
    expires_in_hours: optional(
      t.Integer({
        minimum: 1,
        maximum: HOURS_MAX,
        default: HOURS_DEFAULT,
        examples: [HOURS_DEFAULT],
      }),
    ),
    uses: optional(
      t.Integer({
        minimum: 1,
        maximum: USES_MAX,
        default: 1,
        description: 'How many accounts may register with it',
        examples: [1],
      }),
    ),
  },
  { $id: 'InvitationRequest' },
)

export const InvitationsBody = t.Union(
  [InvitationBody, t.Array(InvitationBody, { minItems: 1, maxItems: INVITATIONS_MAX })],
  {
    $id: 'InvitationSubmission',
    examples: [{ role: 'member', label: 'Grace’s phone', unit: 'Flat 3' }],
  },
)

export const InvitationHeaders = t.Object({
  'idempotency-key': t.Optional({
    ...IdempotencyKey,
    description: 'Your own key for this request, to send it again if the answer is lost',
  }),
})

export const InvitationsQuery = t.Object({
  limit: t.Optional(t.Integer({ minimum: 1, maximum: PAGE_MAX, default: PAGE_DEFAULT })),
  cursor: t.Optional(
    t.String({
      pattern: '^[0-9a-f-]{36}$',
      description: '`next` of the previous page',
      ...accepting('`next` of the previous page'),
    }),
  ),
})

export const InvitationParams = t.Object({ id: t.String({ description: 'UUID', examples: [ID] }) })

const Label = t.String({ examples: ['Grace’s phone'] })
const ItsUnit = t.Union([t.String(), t.Null()], { examples: ['Flat 3'] })
const Time = t.String({ format: 'date-time', examples: ['2026-11-22T18:30:02.125Z'] })

const NamedAccount = t.Object(
  {
    public_id: t.String({ examples: ['6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81'] }),
    username: t.Union([t.String(), t.Null()], { examples: ['ada'] }),
  },
  { $id: 'NamedAccount', additionalProperties: false },
)

export const InvitationAnswer = t.Object(
  {
    id: t.String({ examples: [ID] }),
    role: InvitedRole,
    label: Label,
    unit: ItsUnit,
    uses_max: t.Integer({ examples: [1] }),
    expires_at: Time,
    code: t.String({
      description: 'Returned only once; the server stores a hash',
      examples: [CODE_EXAMPLE],
    }),
    link: t.String({
      description: 'The page where the invited person registers',
      examples: [`https://lock.home:8443/join#invitation=${CODE_EXAMPLE}`],
    }),
    qr_svg: t.String({ description: 'The link as a QR code', examples: ['<svg …></svg>'] }),
  },
  { $id: 'CreatedInvitation', additionalProperties: false },
)

export const CreatedAnswer = t.Union(
  [
    InvitationAnswer,
    t.Object(
      { invitations: t.Array(InvitationAnswer) },
      { $id: 'CreatedInvitationList', additionalProperties: false },
    ),
  ],
  { $id: 'CreatedInvitations' },
)

export const CREATED_EXAMPLE = {
  id: ID,
  role: 'member' as const,
  label: 'Grace’s phone',
  unit: 'Flat 3',
  uses_max: 1,
  expires_at: '2026-11-25T18:30:02.125Z',
  code: CODE_EXAMPLE,
  link: `https://lock.home:8443/join#invitation=${CODE_EXAMPLE}`,
  qr_svg: '<svg …></svg>',
}

export const InvitationsAnswer = t.Object(
  {
    invitations: t.Array(
      t.Object(
        {
          id: t.String({ examples: [ID] }),
          role: InvitedRole,
          label: Label,
          unit: ItsUnit,
          state: {
            ...oneOf(INVITATION_STATES),
            description:
              '`open` while it can be used; `suspended` while its creator may not invite this role',
            examples: ['open'],
          },
          made_by: t.Union([NamedAccount, t.Null()], {
            description: 'Null for the gateway’s command line',
          }),
          made_at: Time,
          expires_at: Time,
          uses: t.Integer({ examples: [1] }),
          uses_max: t.Integer({ examples: [5] }),
          accounts: t.Array(NamedAccount, {
            description: 'Accounts registered with it that still exist',
          }),
        },
        { $id: 'Invitation', additionalProperties: false },
      ),
    ),
    next: t.Union([t.String(), t.Null()], {
      description: 'Cursor of the next page; null at the end',
    }),
  },
  { $id: 'InvitationPage', additionalProperties: false },
)
