import { type Static, Type as t } from '@sinclair/typebox'
import { accepting } from '../../http/request/accepted.ts'
import { optional } from '../../http/request/optional.ts'
import { GivenUuid, LockLabel, Uuid, nullable, oneOf } from '../../http/request/text.ts'
import { PASS_STATES } from '../core/state.ts'

const Code = t.String({
  pattern: '^[A-Za-z0-9_-]{22}$',
  description: 'The code after `#pass=` in the link',
  examples: ['q0Bl5r7nD2sX9vJ4cW1mZg'],
  ...accepting('the code after #pass= in the link of a pass'),
})

const PublicKey = t.String({
  pattern: '^[A-Za-z0-9+/_-]{87}=?$',
  description: 'A P-256 key as an uncompressed point, in base64',
  examples: [
    'BGsX0fLhLEJH+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU=',
  ],
  ...accepting('a P-256 key as an uncompressed point of 65 bytes, in base64'),
})

export const LookBody = t.Object({ code: Code }, { $id: 'GuestLook' })

export const BindBody = t.Object(
  { code: Code, public_key: optional(PublicKey) },
  { $id: 'GuestBinding' },
)

export const RekeyBody = t.Object({ public_key: PublicKey }, { $id: 'GuestKey' })

export const GuestAttemptBody = t.Object(
  {
    id: {
      ...GivenUuid,
      description:
        'Chosen by the page for each attempt. A repeat with the same id gets the same answer and opens nothing twice',
    },
    lock: LockLabel,
    statement: optional(
      t.String({
        pattern: '^[A-Za-z0-9+/_-]+={0,2}$',
        maxLength: 1024,
        description: 'The signed statement of a device that has a key, in base64',
        examples: ['hEOhASag…'],
        ...accepting('a signed statement in base64'),
      }),
    ),
  },
  {
    $id: 'GuestAttempt',
    examples: [{ id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d', lock: 'front-door' }],
  },
)

export const GuestAttemptParams = t.Object({ id: GivenUuid })

/** How long an answer may wait for news of the lock, in seconds. */
export const WAIT_SECONDS_MAX = 10

export const WaitQuery = t.Object({
  wait: t.Optional(
    t.Integer({
      minimum: 0,
      maximum: WAIT_SECONDS_MAX,
      default: 0,
      description: 'Seconds to wait for news of the lock',
    }),
  ),
})

const Time = t.String({ format: 'date-time', examples: ['2027-03-31T22:00:00.000Z'] })

export const GuestPassAnswer = t.Object(
  {
    host: nullable(t.String({ description: 'The name of the host; null if there is none' })),
    label: t.String({ description: 'What the host calls the guest' }),
    home_zone: t.String({ description: 'The time zone of the home' }),
    doors: t.Array(
      t.Object(
        { id: t.String(), lock: t.String({ description: 'Its label' }), name: t.String() },
        { $id: 'GuestDoor', additionalProperties: false },
      ),
    ),
    words: t.String({ description: 'When the pass opens, in local time of the home' }),
    starts_at: nullable(Time),
    ends_at: nullable(Time),
    occurs: t.Array(
      t.Object(
        { from: Time, until: nullable(Time) },
        { $id: 'GuestOpening', additionalProperties: false },
      ),
      { description: 'The next five openings; `until` is null if there is no end' },
    ),
    uses: t.Union(
      [
        t.Object(
          { number: t.Integer({ description: 'Visits so far' }), max: t.Integer() },
          { $id: 'GuestUses', additionalProperties: false },
        ),
        t.Null(),
      ],
      { description: 'For a pass with limited visits' },
    ),
    state: { ...oneOf(PASS_STATES), description: 'As in the list of passes' },
    bound: t.Object(
      { count: t.Integer(), max: t.Integer() },
      {
        $id: 'GuestDevices',
        additionalProperties: false,
        description: 'On how many phones it is used',
      },
    ),
    next_at: {
      ...nullable(Time),
      description: 'When it next opens; null if it does now, or never',
    },
    in_app: t.Boolean({
      description: 'True in a browser inside an app: a pass that is tied to it works only there',
    }),
  },
  { $id: 'GuestPass', additionalProperties: false },
)
export type GuestPassJson = Static<typeof GuestPassAnswer>

export const GUEST_PASS_EXAMPLE = {
  host: 'ada',
  label: 'Plumber',
  home_zone: 'Europe/Berlin',
  doors: [{ id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d', lock: 'front-door', name: 'Front door' }],
  words: 'Tue 09:00-13:00 · until 31 March · 2 visits',
  starts_at: null,
  ends_at: '2027-03-31T22:00:00.000Z',
  occurs: [{ from: '2027-03-30T07:00:00.000Z', until: '2027-03-30T11:00:00.000Z' }],
  uses: { number: 0, max: 2 },
  state: 'now',
  bound: { count: 1, max: 2 },
  next_at: null,
  in_app: false,
} satisfies GuestPassJson

export const AskedAnswer = t.Object(
  { asked_at: Time },
  { $id: 'GuestAsked', additionalProperties: false },
)

export const RekeyedAnswer = t.Object(
  { device: Uuid },
  { $id: 'GuestRekeyed', additionalProperties: false },
)
