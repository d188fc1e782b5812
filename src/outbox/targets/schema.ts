import { Type as t } from '@sinclair/typebox'
import { HOME_EVENTS, type HomeEventKind } from '../../domain/home-event.ts'
import { optional } from '../../http/request/optional.ts'
import { GivenUuid, LockLabel, nullable, oneOf, text } from '../../http/request/text.ts'
import { DELIVERY_STATES } from '../core/delivery-store.ts'
import { DISABLED_WHY } from '../core/target-store.ts'

const RULES_MAX = 20
const LOCKS_MAX = 50
const PEOPLE_MAX = 100

const EVENTS = Object.keys(HOME_EVENTS) as HomeEventKind[]

const EVENT_WORDS = EVENTS.map((event) => `\`${event}\`: ${HOME_EVENTS[event]}`).join('; ')

const TimeOfDay = t.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', examples: ['22:00'] })

const HOURS = { from: TimeOfDay, to: { ...TimeOfDay, examples: ['06:00'] } }

const HOUR_WORDS =
  'In the time zone of the home, excluding `to`; if `to` is earlier than `from`, it is on the next day'

const RuleSchema = t.Object(
  {
    on: { ...oneOf(EVENTS), description: EVENT_WORDS, examples: ['unlocked'] },
    locks: t.Optional(
      t.Array(LockLabel, { minItems: 1, maxItems: LOCKS_MAX, examples: [['front-door']] }),
    ),
    people: t.Optional(
      t.Array(GivenUuid, {
        minItems: 1,
        maxItems: PEOPLE_MAX,
        description: 'Ids of accounts',
        examples: [['6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81']],
      }),
    ),
    hours: t.Optional(
      t.Object(HOURS, {
        $id: 'TargetHours',
        additionalProperties: false,
        description: HOUR_WORDS,
      }),
    ),
    says: t.Optional(
      t.String({
        maxLength: 2000,
        description: 'The rule in words, written by the server; ignored in requests',
        examples: ['when anyone opens the front door between 22:00 and 06:00'],
      }),
    ),
  },
  { $id: 'TargetRule', additionalProperties: false },
)

const Rules = t.Array(RuleSchema, {
  maxItems: RULES_MAX,
  description: 'Which events it receives: those that match any of these rules',
  examples: [[{ on: 'unlocked', hours: { from: '22:00', to: '06:00' } }, { on: 'denied' }]],
})

const Name = text({
  min: 1,
  max: 60,
  description: 'The name that people see',
  examples: ['Node-RED'],
})

const Kind = t.String({
  pattern: '^[a-z]{1,20}$',
  description: 'The kind of target, such as `webhook`',
  examples: ['webhook'],
})

const Scalar = [t.String({ maxLength: 4000 }), t.Integer(), t.Boolean()]

const Quiet = t.Object(HOURS, {
  $id: 'TargetQuiet',
  additionalProperties: false,
  description: HOUR_WORDS,
})

const Settings = t.Record(t.String({ maxLength: 40 }), t.Union([...Scalar, Quiet]), {
  examples: [{ url: 'https://node-red.home:1880/unlocks' }],
  description:
    'Depend on the kind. Notifications also have `quiet`: hours in which nothing is sent. What has ' +
    'then waited longer than 15 minutes is sent as one digest',
  maxProperties: 20,
})
const Secrets = t.Record(t.String({ maxLength: 40 }), t.Union(Scalar), {
  examples: [{}],
  description: 'Depend on the kind; never returned',
  maxProperties: 20,
})

const Password = text({
  max: 1024,
  controls: 'any',
  isAsTyped: true,
  description: 'Your password',
  examples: ['correct horse battery'],
})

export const TargetParams = t.Object({
  id: t.String({
    pattern: '^[A-Za-z0-9-]{1,64}$',
    examples: ['0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'],
  }),
})

export const TargetBody = t.Object(
  {
    kind: Kind,
    name: Name,
    settings: Settings,
    secrets: optional(Secrets),
    rules: optional(Rules),
    personal: optional(
      t.Boolean({
        description:
          'Whether it is your own and receives only your own events, as every target of a member does',
        examples: [false],
      }),
    ),
    password: Password,
  },
  { $id: 'TargetRequest' },
)

export const TargetUpdate = t.Object(
  {
    name: t.Optional(Name),
    settings: t.Optional(Settings),
    secrets: t.Optional(Secrets),
    rules: t.Optional(Rules),
    state: t.Optional({ ...oneOf(['enabled', 'disabled']), examples: ['enabled'] }),
    password: t.Optional({
      ...Password,
      description: 'Your password; required with `settings` or `secrets`',
    }),
  },
  { $id: 'TargetUpdate', minProperties: 1 },
)

export const SecretBody = t.Object({ password: Password }, { $id: 'TargetSecretRequest' })

export const ReplayBody = t.Object(
  {
    delivery: t.Optional(t.Integer({ minimum: 1, examples: [7] })),
    since_seq: t.Optional(
      t.Integer({
        minimum: 0,
        description: 'The sequence number of an unlock; it and all later ones are sent',
        examples: [4700],
      }),
    ),
  },
  { $id: 'TargetReplay', minProperties: 1 },
)

export const DeliveriesQuery = t.Object({
  before: t.Optional(
    t.Integer({ minimum: 1, description: '`next` of the previous page', examples: [7] }),
  ),
  limit: t.Optional(t.Integer({ minimum: 1, maximum: 200, default: 50 })),
})

const Instant = t.String({ format: 'date-time', examples: ['2026-11-28T15:00:00.000Z'] })
const Status = nullable(t.Integer({ description: 'HTTP status', examples: [204] }))
const AnswerText = nullable(
  t.String({ description: 'The beginning of the response, or what went wrong; only for owners' }),
)
const DeliveryState = {
  ...oneOf(DELIVERY_STATES),
  description:
    '`dead`: given up after the last attempt; `dropped`: not sent by itself, because too many were ' +
    'waiting, it had become too old, or there was nothing left to send',
  examples: ['delivered'],
}

export const TargetAnswer = t.Object(
  {
    id: t.String({ examples: ['0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'] }),
    kind: t.String({ examples: ['webhook'] }),
    name: t.String({ examples: ['Node-RED'] }),
    account: nullable(
      t.String({ description: 'The account that owns it; null for a target of the home' }),
    ),
    settings: Settings,
    rules: t.Array(RuleSchema),
    state: oneOf(['enabled', 'disabled']),
    disabled_why: {
      ...nullable(oneOf(DISABLED_WHY)),
      description:
        '`gone`: the receiver answered 410 (Gone); `failing`: every attempt failed for five days',
      examples: [null],
    },
    failing_since: nullable(Instant),
    waiting: t.Integer({ description: 'Number of deliveries that are waiting', examples: [0] }),
    last: nullable(
      t.Object(
        { at: nullable(Instant), state: DeliveryState, status: Status, answer: AnswerText },
        { $id: 'TargetLast', additionalProperties: false },
      ),
    ),
    version: t.Integer({
      description: 'Increases with each change; for `If-Match`',
      examples: [1],
    }),
    created_at: Instant,
    secret: t.Optional(
      t.String({
        description: 'The new secret, returned only once',
        examples: ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo='],
      }),
    ),
  },
  { $id: 'Target', additionalProperties: false },
)

const Kinds = (description: string) => t.Array(Kind, { description, examples: [['webhook']] })

export const TargetsAnswer = t.Object(
  {
    targets: t.Array(TargetAnswer),
    kinds: t.Object(
      { home: Kinds('For the home'), personal: Kinds('For yourself') },
      {
        $id: 'TargetKinds',
        additionalProperties: false,
        description: 'The kinds of targets that you may add',
      },
    ),
  },
  { $id: 'TargetList', additionalProperties: false },
)

export const TestAnswer = t.Object(
  {
    state: oneOf(['delivered', 'failed']),
    status: Status,
    answer: AnswerText,
  },
  { $id: 'TargetTest', additionalProperties: false },
)

export const ReplayAnswer = t.Object(
  { replayed: t.Integer({ description: 'How many are sent again', examples: [1] }) },
  { $id: 'TargetReplayed', additionalProperties: false },
)

export const DeliveriesAnswer = t.Object(
  {
    deliveries: t.Array(
      t.Object(
        {
          id: t.Integer({ examples: [7] }),
          event: { ...oneOf(EVENTS), examples: ['unlocked'] },
          seq: nullable(
            t.Integer({ description: 'The sequence number of the unlock', examples: [4711] }),
          ),
          state: DeliveryState,
          attempts: t.Integer({ examples: [1] }),
          created_at: Instant,
          due_at: nullable({ ...Instant, description: 'When the next attempt is due' }),
          settled_at: nullable(Instant),
          status: Status,
          answer: AnswerText,
        },
        { $id: 'TargetDelivery', additionalProperties: false },
      ),
    ),
    next: nullable(t.Integer({ description: '`before` of the next page; null at the end' })),
  },
  { $id: 'TargetDeliveries', additionalProperties: false },
)

export const TARGET_EXAMPLE = {
  id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
  kind: 'webhook',
  name: 'Node-RED',
  account: null,
  settings: { url: 'https://node-red.home:1880/unlocks' },
  rules: [
    { on: 'unlocked', says: 'when anyone opens any door' },
    { on: 'denied', says: 'when somebody is refused' },
  ],
  state: 'enabled',
  disabled_why: null,
  failing_since: null,
  waiting: 0,
  last: { at: '2026-11-28T15:00:00.000Z', state: 'delivered', status: 204, answer: '' },
  version: 1,
  created_at: '2026-11-28T14:00:00.000Z',
} as const
