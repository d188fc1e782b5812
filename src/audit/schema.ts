import { type Static, Type as t } from '@sinclair/typebox'
import { accepting } from '../http/request/accepted.ts'
import { Next, PAGE, SPAN } from '../http/request/paging.ts'
import { oneOf } from '../http/request/text.ts'

const RESULTS = ['success', 'failure'] as const

const party = (description: string, example: string) =>
  t.String({
    pattern: '^[A-Za-z0-9:._-]{1,64}$',
    description,
    examples: [example],
    ...accepting('1 to 64 letters, digits and : . _ -'),
  })

const PUBLIC_ID = '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81'

export const AuditQuery = t.Object({
  action: t.Optional(
    t.String({
      pattern: '^[a-z_]+([.][a-z_]+)*$',
      maxLength: 64,
      description: 'An action, or its first words: `session` includes `session.end`',
      examples: ['login'],
      ...accepting('lower-case words with dots between, up to 64 characters'),
    }),
  ),
  result: t.Optional(oneOf(RESULTS)),
  actor: t.Optional(
    party('Who did it: a public id, or `uid:` and the number of a system user', PUBLIC_ID),
  ),
  subject: t.Optional(
    party('Whom or what it was done to: a public id, or the name of a setting', PUBLIC_ID),
  ),
  ...SPAN,
  ...PAGE,
})

const Nullable = t.Union([t.String(), t.Null()])

const Party = t.Union([
  t.Object({ id: t.String(), name: Nullable }, { $id: 'AuditParty', additionalProperties: false }),
  t.Null(),
])

/** An audit event as the API shows it; erased parts are null. */
export const AuditEventAnswer = t.Object(
  {
    seq: t.Integer({ description: 'Counts from 0 without gaps' }),
    at: t.String({ format: 'date-time' }),
    action: t.String(),
    result: oneOf(RESULTS),
    actor: Party,
    subject: Party,
    address: Nullable,
    request_id: Nullable,
    detail: t.Record(t.String(), t.Union([t.String(), t.Integer(), t.Boolean()])),
  },
  { $id: 'AuditEvent', additionalProperties: false },
)
export type AuditEventAnswer = Static<typeof AuditEventAnswer>

export const AuditAnswer = t.Object(
  { events: t.Array(AuditEventAnswer), next: Next },
  { $id: 'AuditPage', additionalProperties: false },
)
