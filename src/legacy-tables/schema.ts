import { Type as t } from '@sinclair/typebox'

export const LogRow = t.Object(
  {
    id: t.Integer({ description: 'Counts from 1, in the order of arrival', examples: [1] }),
    username: t.String({ description: 'The name at that time', examples: ['ada'] }),
    unlocking_method: t.String({ examples: ['fingerprint'] }),
    date_time: t.String({
      format: 'date-time',
      description:
        'When the server received it, UTC; for imported unlocks, when the legacy server did',
      examples: ['2026-11-22T18:30:00.000Z'],
    }),
  },
  { $id: 'LogRow', additionalProperties: false },
)

export const UserRow = t.Object(
  {
    id: t.Integer({ description: 'Counts from 1', examples: [1] }),
    public_id: t.String({ format: 'uuid', examples: ['6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81'] }),
    username: t.String({ examples: ['ada'] }),
    phone: t.String({ examples: ['01234567890'] }),
    address: t.String({ examples: ['1 Lock Lane'] }),
    email: t.Union([t.String(), t.Null()], { examples: ['ada@example.org'] }),
    role: t.Union([t.Literal('owner'), t.Literal('admin'), t.Literal('member')], {
      examples: ['member'],
    }),
  },
  { $id: 'UserRow', additionalProperties: false },
)
