import { Type as t } from '@sinclair/typebox'
import { Time as GivenTime, text } from '../http/request/text.ts'

export const GatewayAnswer = t.Object(
  {
    version: t.String(),
    address: t.String({ description: 'Where apps and links reach this server' }),
    zone: t.String({ description: 'The time zone of the home (IANA): `HOME_ZONE`' }),
    second_factor: t.Union([t.Literal('optional'), t.Literal('required')]),
    guest_passes: t.Union([t.Literal('admins'), t.Literal('members')], {
      description: 'Who may invite guests: `GUEST_PASSES`',
    }),
    private_ca: t.Boolean({
      description:
        'Whether its certificate is from a private CA, so that guests’ phones show a warning',
    }),
  },
  { $id: 'Gateway', additionalProperties: false },
)

const Time = t.String({ format: 'date-time' })

const Finding = t.Object(
  {
    check: t.String({ description: 'What was checked' }),
    state: t.Union([t.Literal('ok'), t.Literal('warning'), t.Literal('fault')]),
    says: t.String({ description: 'What was found, in words' }),
    fix: t.Optional(t.String({ description: 'What to do about it' })),
    page: t.Optional(
      t.String({ description: 'The page of this server where you do that, or read how' }),
    ),
    id: t.Optional(
      t.String({ description: 'Identifies this warning, so that an owner can accept it' }),
    ),
    accepted: t.Optional(
      t.Object(
        {
          until: Time,
          reason: t.String(),
          by: t.Union([t.String(), t.Null()], {
            description: 'The owner’s current name; null once erased',
          }),
        },
        {
          $id: 'FindingAcceptance',
          additionalProperties: false,
          description: 'Why an owner leaves a warning as it is, and until when',
        },
      ),
    ),
  },
  { $id: 'Finding', additionalProperties: false },
)

export const DoctorAnswer = t.Object(
  { findings: t.Array(Finding) },
  { $id: 'FindingList', additionalProperties: false },
)

/** In a path: words and digits, as `idAbout` writes them. */
export const AcceptanceParams = t.Object({
  id: t.String({
    pattern: '^[a-z0-9-]{1,64}$',
    description: 'The id of the warning',
    examples: ['https-off'],
  }),
})

export const AcceptanceBody = t.Object(
  {
    reason: text({ min: 1, max: 200, description: 'Why', examples: ['Only our own cable'] }),
    until: GivenTime,
  },
  { $id: 'FindingAcceptanceRequest' },
)

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
