import { type Static, Type as t } from '@sinclair/typebox'
import { ROLES } from '../../domain/account.ts'
import { accepting } from '../../http/request/accepted.ts'
import { LockLabel } from '../../http/request/text.ts'
import { clearable, optional } from '../../http/request/optional.ts'
import { Next } from '../../http/request/paging.ts'
import { described, nullable, oneOf, text } from '../../http/request/text.ts'
import { DAYS } from '../rules/grant.ts'
import { USES_MAX, WINDOWS_MAX } from '../rules/terms.ts'
import { GRANT_STATES } from './state.ts'

/** Grants per page, by default and at most. */
export const PAGE_DEFAULT = 50
const PAGE_MAX = 100

/** Locks that one grant names. */
const LOCKS_MAX = 100

const KEY_CHARACTERS_MAX = 200

/** See `holderFrom`. */
const HOLDER = `^((account|pass):[0-9a-f-]{36}|role:(${ROLES.join('|')}))$`

const ID = '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'
const PUBLIC_ID = '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81'

const PublicId = t.String({
  pattern: '^[0-9a-f-]{36}$',
  description: 'Public id of an account',
  examples: [PUBLIC_ID],
})

const RoleName = oneOf(ROLES)

/** The name of a guest, as hosts and the log show it. */
export const PassLabel = text({
  min: 1,
  max: 64,
  description: 'Who the guest is',
  examples: ['Plumber'],
})

export const DEVICES_DEFAULT = 2
export const DevicesMax = t.Integer({
  minimum: 1,
  maximum: 5,
  default: DEVICES_DEFAULT,
  description: 'How many phones may use the pass',
})

const Holder = t.Union(
  [
    t.Object({ role: RoleName }, { $id: 'GrantToRole', additionalProperties: false }),
    t.Object({ account: PublicId }, { $id: 'GrantToAccount', additionalProperties: false }),
    t.Object(
      {
        pass: t.Object(
          { label: PassLabel, devices_max: t.Optional(DevicesMax) },
          { $id: 'PassRequest', additionalProperties: false },
        ),
      },
      { $id: 'GrantToGuest', additionalProperties: false },
    ),
  ],
  {
    description:
      'An account, everyone with a role or a higher one, or a guest, who gets a link (a new pass)',
    examples: [{ role: 'member' }],
    ...accepting(
      'an account by its public id, a role (member, admin or owner), or a pass with the label of a guest',
    ),
  },
)

const Locks = t.Union(
  [t.Literal('all'), t.Array(LockLabel, { minItems: 1, maxItems: LOCKS_MAX })],
  {
    description: 'Labels of locks, or `all` for all locks, including those added later',
    examples: [['front-door']],
    ...accepting(`all, or 1 to ${LOCKS_MAX} labels of locks`),
  },
)

const WallTime = t.String({
  pattern: String.raw`^([01]\d|2[0-3]):[0-5]\d$`,
  examples: ['09:00'],
})
const WallEnd = t.String({
  pattern: String.raw`^(([01]\d|2[0-3]):[0-5]\d|24:00)$`,
  description: 'If not after `from`, it is on the next day',
  examples: ['13:00'],
})

const Window = t.Object(
  {
    days: t.Array(oneOf(DAYS), {
      minItems: 1,
      description: 'The days on which it begins',
      examples: [['tue', 'thu']],
    }),
    from: WallTime,
    until: WallEnd,
  },
  { $id: 'GrantWindow', additionalProperties: false },
)

const Hours = t.Object(
  { from: WallTime, until: WallEnd },
  { $id: 'HolidayHours', additionalProperties: false },
)

const Holidays = t.Union([
  oneOf(['ignore', 'closed']),
  t.Array(Hours, { minItems: 1, maxItems: WINDOWS_MAX }),
])

const Instant = t.String()

const WORDS_OF = {
  starts_at:
    'When the grant starts: an RFC 3339 time or, without an offset, local time of the home; null for no start',
  ends_at: 'When the grant ends, in the same form; null for no end',
  windows: 'Weekly hours in local time of the home; null for any time',
  holidays:
    'What changes on holidays: nothing (`ignore`), no opening (`closed`), or hours that replace the windows that begin on them',
  uses: 'How many visits it allows; null for any number',
  home_network: 'True if it opens only on the home network',
} as const

/** What rules/terms.ts checks, because it can say more about what is wrong. */
const CONDITIONS = {
  starts_at: described(Instant, {
    description: WORDS_OF.starts_at,
    examples: ['2040-03-01T15:00'],
  }),
  ends_at: described(Instant, { description: WORDS_OF.ends_at, examples: ['2040-04-01T00:00'] }),
  windows: described(t.Array(Window, { minItems: 1, maxItems: WINDOWS_MAX }), {
    description: WORDS_OF.windows,
    examples: [[{ days: ['tue', 'thu'], from: '09:00', until: '13:00' }]],
  }),
  holidays: described(Holidays, { description: WORDS_OF.holidays, examples: ['closed'] }),
  uses: described(t.Integer({ minimum: 1, maximum: USES_MAX }), {
    description: WORDS_OF.uses,
    examples: [5],
  }),
  home_network: described(t.Boolean(), {
    description: WORDS_OF.home_network,
    examples: [false],
  }),
}

export const GrantBody = t.Object(
  {
    key: optional(
      text({
        min: 1,
        max: KEY_CHARACTERS_MAX,
        description:
          'Your own id, such as a booking number; a repeat with the same key creates no second grant',
        examples: ['booking-4711'],
      }),
    ),
    holder: Holder,
    locks: Locks,
    starts_at: optional(CONDITIONS.starts_at),
    ends_at: optional(CONDITIONS.ends_at),
    windows: optional(CONDITIONS.windows),
    holidays: optional(CONDITIONS.holidays),
    uses: optional(CONDITIONS.uses),
    home_network: optional(CONDITIONS.home_network),
  },
  { $id: 'GrantRequest' },
)

export const GrantPatchBody = t.Object(
  {
    locks: t.Optional(Locks),
    starts_at: clearable(CONDITIONS.starts_at, null),
    ends_at: clearable(CONDITIONS.ends_at, null),
    windows: clearable(CONDITIONS.windows, null),
    holidays: clearable(CONDITIONS.holidays, null),
    uses: clearable(CONDITIONS.uses, null),
    home_network: clearable(CONDITIONS.home_network, null),
  },
  { $id: 'GrantUpdate', minProperties: 1 },
)

export const RevocationBody = t.Object(
  {
    why: optional(
      text({
        max: 200,
        description: 'A note for admins and owners',
        examples: ['The job is done'],
      }),
    ),
  },
  { $id: 'GrantRevocation' },
)

export const GrantsQuery = t.Object({
  state: t.Optional({
    ...oneOf(GRANT_STATES),
    description:
      '`now` includes the time between its hours; `ended` includes grants whose uses are spent',
    examples: ['now'],
  }),
  holder: t.Optional(
    t.String({
      pattern: HOLDER,
      description: 'Only grants of exactly this holder',
      ...accepting('account:<public id>, role:member, role:admin, role:owner or pass:<id>'),
      examples: ['role:member'],
    }),
  ),
  lock: t.Optional({
    ...LockLabel,
    description: 'Only grants for this lock, including those for all locks',
  }),
  limit: t.Optional(t.Integer({ minimum: 1, maximum: PAGE_MAX, default: PAGE_DEFAULT })),
  cursor: t.Optional(
    t.String({
      pattern: '^[0-9a-f-]{36}$',
      description: '`next` of the previous page',
      ...accepting('`next` of the previous page'),
    }),
  ),
})

export const GrantParams = t.Object({ id: t.String({ description: 'UUID', examples: [ID] }) })

const Time = t.String({ format: 'date-time', examples: ['2027-03-31T22:00:00.000Z'] })

const HolderAnswer = t.Union(
  [
    t.Object(
      {
        account: t.String({ description: 'Public id' }),
        username: t.String(),
        disabled: t.Boolean({ description: 'True if nothing opens for the account right now' }),
      },
      { $id: 'GrantHolderAccount', additionalProperties: false },
    ),
    t.Object({ role: RoleName }, { $id: 'GrantHolderRole', additionalProperties: false }),
    t.Object(
      {
        pass: t.Object(
          {
            id: t.String(),
            label: nullable(t.String({ description: 'Who the guest is' })),
            devices_max: t.Integer(),
          },
          { $id: 'GrantHolderPass', additionalProperties: false },
        ),
      },
      { $id: 'GrantHolderGuest', additionalProperties: false },
    ),
    t.Null(),
  ],
  { description: 'Null once the person is erased' },
)

/** Openings of a grant. */
export const Occurs = t.Array(
  t.Object({ from: Time, until: nullable(Time) }, { $id: 'Opening', additionalProperties: false }),
  {
    description:
      'The next five openings, including a current one; `until` is null if there is no end',
  },
)

const Words = t.String({ description: 'The grant as a sentence, in local time of the home' })

export const GrantAnswer = t.Object(
  {
    id: t.String(),
    holder: HolderAnswer,
    locks: t.Union([t.Literal('all'), t.Array(t.String())]),
    starts_at: nullable(Time),
    ends_at: nullable(Time),
    windows: nullable(t.Array(Window)),
    holidays: Holidays,
    uses: nullable(t.Integer({ description: WORDS_OF.uses })),
    used: nullable(
      t.Integer({
        description: 'Visits so far; null in a member’s view if others share the grant',
      }),
    ),
    home_network: t.Boolean(),
    words: Words,
    version: t.Integer({ description: 'Counts changes; see `If-Match`' }),
    state: oneOf(GRANT_STATES),
    occurs: Occurs,
    made_at: Time,
    revoked_at: nullable(Time),
    suspended_at: nullable({
      ...Time,
      description:
        'Since when it opens nothing until an owner confirms it: after a restore, or because the host of the guest was erased',
    }),
    key: nullable(t.String({ description: 'Null in a member’s view' })),
    made_by: nullable(
      t.String({
        description:
          'Public id; null for the command line, an upgrade or an erased person, and in a member’s view',
      }),
    ),
    why: nullable(t.String({ description: 'Why it was revoked; null in a member’s view' })),
  },
  { $id: 'Grant', additionalProperties: false },
)

/** What a new pass shows once. */
export const PassLink = {
  link: t.String({
    description: 'For the guest. It cannot be shown again',
    examples: ['https://lock.example/guest#pass=q0Bl5r7nD2sX9vJ4cW1mZg'],
  }),
  qr_svg: t.String({ description: 'The link as a QR code, an SVG image' }),
}

export const NewGrantAnswer = t.Object(
  {
    ...GrantAnswer.properties,
    link: t.Optional({
      ...PassLink.link,
      description: `Only for a new pass. ${PassLink.link.description}`,
    }),
    qr_svg: t.Optional(PassLink.qr_svg),
  },
  { $id: 'CreatedGrant', additionalProperties: false },
)

export type GrantJson = Static<typeof GrantAnswer>

export const GRANT_EXAMPLE: GrantJson = {
  id: ID,
  holder: { account: PUBLIC_ID, username: 'eva', disabled: false },
  locks: ['front-door'],
  starts_at: null,
  ends_at: '2027-03-31T22:00:00.000Z',
  windows: [{ days: ['tue', 'thu'], from: '09:00', until: '13:00' }],
  holidays: 'closed',
  uses: null,
  used: 0,
  home_network: false,
  words: 'eva · Front door · Tue and Thu 09:00-13:00, closed on holidays · until 31 March',
  version: 1,
  state: 'now',
  occurs: [{ from: '2027-03-30T07:00:00.000Z', until: '2027-03-30T11:00:00.000Z' }],
  made_at: '2026-11-22T18:30:02.125Z',
  revoked_at: null,
  suspended_at: null,
  key: null,
  made_by: '0b7a1f4e-2c3d-4e5f-8a9b-1c2d3e4f5a6b',
  why: null,
}

export const GrantsAnswer = t.Object(
  { grants: t.Array(GrantAnswer), next: Next },
  { $id: 'GrantPage', additionalProperties: false },
)

export const PreviewAnswer = t.Object(
  { words: Words, occurs: Occurs },
  { $id: 'GrantPreview', additionalProperties: false },
)

export const RevocationAnswer = t.Object(
  {
    effective: t.Array(
      t.Object(
        { lock: t.String({ examples: ['front-door'] }), now: t.Literal(true) },
        { $id: 'EffectiveRevocation', additionalProperties: false },
      ),
      { description: 'For each lock, the time from which this grant no longer opens it' },
    ),
  },
  { $id: 'GrantRevoked', additionalProperties: false },
)
