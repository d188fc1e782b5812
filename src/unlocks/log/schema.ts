import { type Static, Type as t } from '@sinclair/typebox'
import { DEFAULT_LOCK, DELIVERIES, LOCK_REASONS } from '../../domain/access.ts'
import { IdempotencyKey } from '../../http/request/headers/idempotency-key.ts'
import { optional } from '../../http/request/optional.ts'
import { GivenUuid, LockLabel, Time, Uuid, oneOf, text } from '../../http/request/text.ts'
import { ALL_REASONS, ATTESTED, REPORTED, REPORTED_RESULTS, RESULTS, SOURCES } from './event.ts'

const Method = text({
  min: 1,
  max: 80,
  description: 'How the door was opened, in the app’s own words',
  examples: ['fingerprint'],
})

export const UnlockBody = t.Object({ 'unlocking-method': Method }, { $id: 'AppUnlock' })

const UnlockKey = {
  ...IdempotencyKey,
  description: 'The app’s own key for this unlock: if sent again, nothing is recorded twice',
}

export const UnlockHeaders = t.Object({ 'idempotency-key': t.Optional(UnlockKey) })

const Lock = { ...LockLabel, default: DEFAULT_LOCK }

export const EventBody = t.Object(
  {
    id: optional(GivenUuid),
    method: Method,
    lock: optional(Lock),
    result: optional(oneOf(REPORTED_RESULTS)),
    reason: optional(oneOf(LOCK_REASONS)),
    occurred_at: optional(Time),
  },
  { $id: 'UnlockReport' },
)
export type EventBody = Static<typeof EventBody>
export { Lock, Method }

const Nullable = <Type extends ReturnType<typeof t.String>>(type: Type, example: unknown) =>
  t.Union([type, t.Null()], { examples: [example] })

const EventToken = t.Object(
  {
    id: t.String({ examples: ['0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'] }),
    name: t.Union([t.String(), t.Null()], {
      description: 'Its current name, or null if it is deleted',
      examples: ['Home Assistant'],
    }),
  },
  { $id: 'UnlockToken', additionalProperties: false },
)

const EventOutcome = t.Object(
  {
    result: oneOf(['unlocked', 'released', 'denied', 'failed', 'unheard']),
    reason: t.Union([oneOf(ALL_REASONS), t.Null()]),
    source: t.Union([oneOf([ATTESTED, REPORTED]), t.Null()], {
      description: 'Of the entry that says so; null if no entry does',
    }),
  },
  {
    $id: 'AttemptOutcome',
    additionalProperties: false,
    examples: [{ result: 'released', reason: null, source: 'attested' }],
  },
)

/** An event in the API; erased fields are null. */
export const EventAnswer = t.Object(
  {
    seq: t.Integer({
      description:
        'Counts from 0 in the order of the log; changes to who may open what have numbers of their own',
      examples: [41],
    }),
    id: Uuid,
    account: Nullable(t.String(), '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81'),
    username: Nullable(t.String({ description: 'The name at the time' }), 'ada'),
    lock: t.String({ examples: [DEFAULT_LOCK] }),
    method: Nullable(t.String(), 'fingerprint'),
    result: oneOf(RESULTS),
    reason: t.Union([oneOf(ALL_REASONS), t.Null()], { examples: [null] }),
    source: {
      ...oneOf(SOURCES),
      description:
        '`claimed`: reported by an app with an account’s token; `observed`: refused by this server; ' +
        '`imported`: from the legacy server’s database; `decided`: this server decided whether the ' +
        'door may open, and does not know whether it did; `reported`: the lock itself says so; ' +
        '`attested`: the lock itself says so, and its controller signed it',
    },
    occurred_at: Nullable(
      t.String({
        description: 'By the phone’s clock; for an imported event, by the legacy server’s',
      }),
      null,
    ),
    received_at: t.String({ format: 'date-time', examples: ['2026-11-22T18:30:02.125Z'] }),
    happened_at: t.String({
      format: 'date-time',
      description:
        'When it happened: `occurred_at` if that is plausible (not after `received_at` and, ' +
        'for a claimed event, at most 90 days before it), otherwise `received_at`',
      examples: ['2026-11-22T18:30:02.125Z'],
    }),
    delay_ms: t.Union([t.Integer(), t.Null()], {
      description: '`received_at` minus `occurred_at`',
      examples: [2125],
    }),
    late: t.Boolean({ description: 'Reported more than five minutes after it happened' }),
    doubted: t.Boolean({ description: '`occurred_at` is not plausible; see `happened_at`' }),
    time_uncertain: t.Boolean({ description: 'The server’s clock could not be trusted' }),
    repeat_of: t.Union([t.Integer(), t.Null()], {
      description:
        'The `seq` of an earlier record of the same unlock. Either it is an equal claim ' +
        '(account, lock, method, result and `occurred_at`) that was received up to 30 seconds ' +
        'before, probably sent again by an app that got no answer; or one of them is `claimed`, the ' +
        'other `reported`, and they happened up to two minutes apart for the same account and lock. ' +
        'Statistics count it once',
      examples: [null],
    }),
    unit: t.Union([t.String(), t.Null()], {
      description: 'The flat, room or house that the account belongs to now; not part of the log',
      examples: ['Flat 3'],
    }),
    attempt: t.Union([t.String(), t.Null()], {
      description:
        'The attempt that was `decided`, or that the lock carried out and `reported`; the same in ' +
        'both',
      examples: [null],
    }),
    grant: t.Union([t.String(), t.Null()], {
      description: 'The grant by which it was `permitted`',
      examples: [null],
    }),
    reporter: t.Union([t.String(), t.Null()], {
      description:
        'The kind of the driver that received a lock’s report, or the id of the controller that signed it',
      examples: [null],
    }),
    token: t.Union([EventToken, t.Null()], {
      description: 'The access token that was used; a decision commits to its id, a claim does not',
      examples: [null],
    }),
    delivery: t.Union([oneOf(DELIVERIES), t.Null()], {
      description:
        'The outcome of a `permitted` attempt at a lock with a driver: `asked`, ' +
        '`accepted` by the lock, `happened`, `failed`, or `unknown` if the lock said nothing in time; ' +
        'not part of the log',
      examples: [null],
    }),
    guest: t.Union(
      [t.Object({ pass: Uuid }, { $id: 'UnlockGuest', additionalProperties: false }), t.Null()],
      {
        description: 'The guest who did it, by the id of the pass; `username` is its label',
        examples: [null],
      },
    ),
    outcome: t.Union([EventOutcome, t.Null()], {
      description:
        'How a `permitted` attempt ended at its lock, by the strongest entry with the same `attempt`; ' +
        '`unheard` if the lock was asked and has said nothing for 30 seconds. Null while that is not ' +
        'known, and if the gateway did not ask the lock; not part of this entry',
      examples: [null],
    }),
    confirmed: t.Union([t.Boolean(), t.Null()], {
      description:
        'For an opening that is `claimed` of a lock which had a controller then: whether the lock ' +
        'itself reported it. `false` if it has not within two minutes. Otherwise null',
      examples: [null],
    }),
  },
  { $id: 'Unlock', additionalProperties: false },
)
export type EventAnswer = Static<typeof EventAnswer>

export const EVENT_EXAMPLE = {
  seq: 41,
  id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
  account: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81',
  username: 'ada',
  lock: DEFAULT_LOCK,
  method: 'fingerprint',
  result: 'unlocked',
  reason: null,
  source: 'claimed',
  occurred_at: null,
  received_at: '2026-11-22T18:30:02.125Z',
  happened_at: '2026-11-22T18:30:02.125Z',
  delay_ms: null,
  late: false,
  doubted: false,
  time_uncertain: false,
  repeat_of: null,
  unit: 'Flat 3',
  attempt: null,
  grant: null,
  reporter: null,
  token: null,
  delivery: null,
  guest: null,
  outcome: null,
  confirmed: null,
} as const satisfies EventAnswer

/** What became of one event of a submission. */
export const OutcomeAnswer = t.Object(
  {
    status: oneOf(['stored', 'duplicate', 'conflict', 'invalid']),
    id: t.Optional(t.String({ examples: ['0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'] })),
    seq: t.Optional(t.Integer({ examples: [41] })),
    receipt: t.Optional(t.String({ description: 'C2SP tlog-proof' })),
    detail: t.Optional(t.String({ description: 'What is wrong, in words' })),
  },
  { $id: 'UnlockOutcome', additionalProperties: false },
)
