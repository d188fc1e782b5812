import { type Static, Type as t } from '@sinclair/typebox'
import { ROLES, type Role } from '../../domain/account.ts'
import {
  ATTEMPT_RESULTS,
  DECISION_REASONS,
  DEFAULT_LOCK,
  DELIVERIES,
  FAILURE_REASONS,
} from '../../domain/access.ts'
import { accepting } from '../../http/request/accepted.ts'
import { Occurs } from '../grants/schema.ts'
import type { explain } from '../rules/explain.ts'
import { GivenUuid, LockLabel, Time, Uuid, nullable, oneOf } from '../../http/request/text.ts'

export const LockParams = t.Object({ label: LockLabel })
export const AttemptParams = t.Object({ label: LockLabel, id: GivenUuid })

export const AttemptBody = t.Object(
  {
    id: {
      ...GivenUuid,
      description:
        'Chosen by the app for each attempt. A repeat with the same id gets the same answer and opens nothing twice',
    },
  },
  { $id: 'UnlockAttempt', examples: [{ id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d' }] },
)

const Result = oneOf(['permitted', 'denied'])

const Reason = {
  ...nullable(oneOf(DECISION_REASONS)),
  description: 'Why it was denied; null if it was permitted',
}

const NextAt = {
  ...nullable(t.String({ format: 'date-time' })),
  description: 'When a grant next opens it, within 370 days; null if none does',
}

const Use = t.Union(
  [
    t.Object(
      {
        number: t.Integer({ description: 'Which use of the grant it is' }),
        max: t.Integer({ description: 'How many uses the grant has' }),
      },
      { $id: 'GrantUse', additionalProperties: false },
    ),
    t.Null(),
  ],
  { description: 'For a grant with limited uses' },
)

const GrantId = { ...nullable(Uuid), description: 'The grant that opened it' }

const Seq = {
  ...nullable(t.Integer()),
  description:
    'Its number in the unlock log; null for a denial that was only counted, because an equal one ' +
    'was recorded less than a minute before',
}

export const DecisionAnswer = t.Object(
  {
    decision: Result,
    reason: Reason,
    next_at: NextAt,
    grant: GrantId,
    use: Use,
    repeat: t.Boolean({ description: 'True if this attempt was decided before' }),
    seq: Seq,
    receipt: {
      ...nullable(t.String()),
      description: 'C2SP tlog-proof of the decision; null without `seq`',
    },
    delivery: {
      ...oneOf(['no_controller', 'offline', 'asked']),
      description:
        '`asked` if the gateway has asked the lock to open; the attempt shows the outcome. `offline` if none of its ' +
        'controllers can be reached. `no_controller` if no lock was asked, because it has neither driver nor ' +
        'controllers or the attempt was denied',
    },
  },
  { $id: 'Decision', additionalProperties: false },
)
export type DecisionJson = Static<typeof DecisionAnswer>

export const DECISION_EXAMPLE = {
  decision: 'permitted',
  reason: null,
  next_at: null,
  grant: '0193c6a8-6a10-7d55-8a3e-5c6d7e8f9a0b',
  use: { number: 1, max: 5 },
  repeat: false,
  seq: 815,
  receipt: 'c2sp.org/tlog-proof@v1\nextra eyJl…\nindex 815\n…',
  delivery: 'no_controller',
} as const satisfies DecisionJson

export const DENIED_EXAMPLE = {
  decision: 'denied',
  reason: 'outside_schedule',
  next_at: '2026-12-05T21:00:00.000Z',
  grant: null,
  use: null,
  repeat: false,
  seq: 816,
  receipt: 'c2sp.org/tlog-proof@v1\nextra eyJl…\nindex 816\n…',
  delivery: 'no_controller',
} as const satisfies DecisionJson

export const AttemptAnswer = t.Object(
  {
    id: Uuid,
    lock: t.String({ examples: [DEFAULT_LOCK] }),
    account: nullable(
      t.String({ description: 'Public id of the account that asked; null for a guest' }),
    ),
    pass: nullable(t.String({ description: 'Id of the pass, if a guest asked' })),
    decision: Result,
    reason: Reason,
    grant: GrantId,
    use: Use,
    decided_at: t.String({ format: 'date-time' }),
    seq: Seq,
    delivery: {
      ...oneOf(DELIVERIES),
      description:
        'The outcome at the lock: `asked`, `accepted` if the lock accepted the command, `happened` if it ' +
        'opened, `failed` if it did not, `unknown` if it did not report within 15 seconds, or a controller within ' +
        '30, `offline` if no controller could be reached. A relay stays `accepted`, since it knows nothing about the ' +
        'door. No lock is asked a second time',
    },
    result: {
      ...nullable(oneOf(ATTEMPT_RESULTS)),
      description:
        'How it ended: `released` if the lock was released and has no sensor that tells whether the door opened, ' +
        '`unheard` if it said nothing in time; null as long as that is not known. A late report of a controller ' +
        'still changes it',
      examples: ['unlocked'],
    },
    failure: {
      ...nullable(oneOf(FAILURE_REASONS)),
      description: 'Why it failed, if a controller says so',
    },
    lock_says: {
      ...nullable(t.String()),
      description: 'What the lock reported, in its own word; null for guests',
      examples: ['motorBlocked'],
    },
  },
  { $id: 'DecidedAttempt', additionalProperties: false },
)
export type AttemptJson = Static<typeof AttemptAnswer>

export const ATTEMPT_EXAMPLE = {
  id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
  lock: DEFAULT_LOCK,
  account: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81',
  pass: null,
  decision: 'permitted',
  reason: null,
  grant: '0193c6a8-6a10-7d55-8a3e-5c6d7e8f9a0b',
  use: { number: 1, max: 5 },
  decided_at: '2026-11-28T21:04:11.125Z',
  seq: 815,
  delivery: 'happened',
  result: 'unlocked',
  failure: null,
  lock_says: null,
} as const satisfies AttemptJson

const UUID = '[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}'

export const AccessQuery = t.Object({
  holder: t.Optional(
    t.String({
      pattern: `^((account|pass):${UUID}|role:(member|admin|owner))$`,
      description:
        'Whose access; defaults to the caller. Members may only ask about themselves and their guests',
      examples: ['role:member'],
      ...accepting('account:<public id>, role:member, role:admin, role:owner or pass:<id>'),
    }),
  ),
  at: t.Optional({ ...Time, description: 'When, in the past or future; defaults to now' }),
})

export const AccessAnswer = t.Object(
  {
    decision: Result,
    reason: Reason,
    next_at: NextAt,
    grants: t.Array(
      t.Object(
        {
          id: Uuid,
          role: {
            ...nullable(oneOf(ROLES)),
            description:
              'Whose grant it is, if it is for everybody of a role; null if it is by name',
          },
          decision: Result,
          reason: { ...Reason, description: 'The check that stops this grant' },
          words: t.String({ description: 'What the grant allows, in a sentence' }),
          occurs: Occurs,
        },
        { $id: 'ExplainedGrant', additionalProperties: false },
      ),
    ),
  },
  { $id: 'AccessExplanation', additionalProperties: false },
)

export const ACCESS_EXAMPLE = {
  decision: 'denied',
  reason: 'outside_schedule',
  next_at: '2026-12-01T08:00:00.000Z',
  grants: [
    {
      id: '0193c6a8-6a10-7d55-8a3e-5c6d7e8f9a0b',
      role: null,
      decision: 'denied',
      reason: 'outside_schedule',
      words: 'Tue and Thu 09:00-13:00, closed on holidays · until 31 March',
      occurs: [{ from: '2026-12-01T08:00:00.000Z', until: '2026-12-01T12:00:00.000Z' }],
    },
  ],
} as const satisfies Static<typeof AccessAnswer>

/** Returns an explanation as JSON. */
export const accessJson = ({
  decision: { decision, reason },
  nextAtMs,
  grants,
}: Explanation): Static<typeof AccessAnswer> => ({
  decision,
  reason,
  next_at: timeJson(nextAtMs),
  grants: grants.map(({ id, role, reason: stop, words, occurs }) => ({
    id,
    role,
    decision: stop === null ? 'permitted' : 'denied',
    reason: stop,
    words,
    occurs: occurs.map(({ fromMs, untilMs }) => ({
      from: new Date(fromMs).toISOString(),
      until: timeJson(untilMs),
    })),
  })),
})

type Explained = ReturnType<typeof explain>

/** An explanation that tells whose each grant is. */
type Explanation = Omit<Explained, 'grants'> & {
  readonly grants: readonly (Explained['grants'][number] & { readonly role: Role | null })[]
}

/** Returns a time as JSON; null for none, and for one that never comes. */
export const timeJson = (ms: number | null): string | null =>
  ms === null || !Number.isFinite(ms) ? null : new Date(ms).toISOString()

export const NO_SUCH_LOCK = 'There is no such lock'
export const NO_SUCH_ATTEMPT = 'There is no such attempt'
export const ID_TAKEN = 'Another attempt has this id'
export const ONLY_ADMINS = 'Only an admin may ask about others'
export const USE_YOUR_KEY =
  'Nothing can be recorded right now, so nobody is let in. Use your key; the owner is told.'
