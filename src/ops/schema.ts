import { Type as t } from '@sinclair/typebox'

export const GatewayAnswer = t.Object(
  {
    version: t.String(),
    address: t.String({ description: 'Where apps and links reach this server' }),
    zone: t.String({ description: 'Its time zone (IANA)' }),
    second_factor: t.Union([t.Literal('optional'), t.Literal('required')]),
  },
  { $id: 'Gateway', additionalProperties: false },
)

const Finding = t.Object(
  {
    check: t.String(),
    state: t.Union([t.Literal('ok'), t.Literal('warning'), t.Literal('fault')]),
    says: t.String(),
    fix: t.Optional(t.String()),
  },
  { $id: 'Finding', additionalProperties: false },
)

export const DoctorAnswer = t.Object(
  { findings: t.Array(Finding) },
  { $id: 'FindingList', additionalProperties: false },
)

const Time = t.String({ format: 'date-time' })

export const BackupsAnswer = t.Object(
  {
    backups: t.Array(
      t.Object(
        {
          file: t.String({ description: 'Its name in BACKUP_DIR' }),
          made_at: Time,
          bytes: t.Integer({ minimum: 0 }),
          encrypted: t.Boolean(),
        },
        { $id: 'Backup', additionalProperties: false },
      ),
    ),
    every_hours: t.Union([t.Integer({ minimum: 1 }), t.Null()], {
      description: 'Hours between backups; null without BACKUP_DIR, when none are created',
    }),
    keep: t.Integer({ minimum: 1, description: 'How many are kept' }),
    running: t.Boolean({ description: 'Whether one is being created' }),
    failure: t.Union(
      [
        t.Object(
          { at: Time, reason: t.String() },
          { $id: 'BackupFailure', additionalProperties: false },
        ),
        t.Null(),
      ],
      { description: 'Why the latest attempt failed; null if it did not' },
    ),
  },
  { $id: 'BackupList', additionalProperties: false },
)
