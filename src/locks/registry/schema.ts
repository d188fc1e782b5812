import { type Static, Type as t } from '@sinclair/typebox'
import {
  DECISION_REASONS,
  DEFAULT_LOCK,
  type DecisionReason,
  LOCK_STATES,
} from '../../domain/access.ts'
import { optional } from '../../http/request/optional.ts'
import { LockLabel, nullable, oneOf, text } from '../../http/request/text.ts'
import type { Lock } from './store.ts'

/** Labels without a lock in one answer. */
export const NOT_SET_UP_MAX = 50

const LockName = text({
  min: 1,
  max: 100,
  description: 'What people call it',
  examples: ['Front door'],
})

const State = {
  ...oneOf(LOCK_STATES),
  description:
    'A disabled lock opens for nobody. A retired lock never opens again, and its label is never reused',
  examples: ['enabled'],
}

/** Who may open a lock from the start. */
const OPEN_TO = ['nobody', 'members'] as const

export const LockParams = t.Object({ label: LockLabel })

export const LockBody = t.Object(
  {
    label: {
      ...LockLabel,
      description: 'Names the lock in unlocks and requests; never changes and is never reused',
      examples: ['garage'],
    },
    name: { ...LockName, examples: ['Garage'] },
    open_to: optional({
      ...oneOf(OPEN_TO),
      description:
        'Who may open it at any time: `members` means members, admins and owners; defaults to `nobody`',
      examples: ['nobody'],
    }),
  },
  { $id: 'LockRequest' },
)

export const LockUpdate = t.Object(
  { name: t.Optional(LockName), state: t.Optional(State) },
  { $id: 'LockUpdate', minProperties: 1 },
)

const CONTROLLERS = ['none', 'online', 'offline'] as const
export type Controller = (typeof CONTROLLERS)[number]

export const LockAnswer = t.Object(
  {
    label: t.String({ examples: [DEFAULT_LOCK] }),
    name: t.String({ examples: ['Front door'] }),
    state: State,
    version: t.Integer({ description: 'Counts changes; for `If-Match`', examples: [3] }),
    controller: {
      ...oneOf(CONTROLLERS),
      description:
        '`none` without a driver and controllers; otherwise whether the lock can be reached, as far as known',
      examples: ['none'],
    },
  },
  { $id: 'Lock', additionalProperties: false },
)

/** Whether somebody may open a lock now. */
export type Opening = {
  readonly mayOpen: boolean
  /** Why not; null if they may. */
  readonly reason: DecisionReason | null
  /** When they may, as far as anybody knows. */
  readonly nextAtMs: number | null
}

const Instant = t.String({ format: 'date-time', examples: ['2026-11-28T15:00:00.000Z'] })

export const LocksAnswer = t.Object(
  {
    locks: t.Array(
      t.Object(
        {
          ...LockAnswer.properties,
          may_open: t.Boolean({ description: 'Whether you may open it now' }),
          reason: {
            ...nullable(oneOf(DECISION_REASONS)),
            description: 'Why not',
            examples: [null],
          },
          next_at: { ...nullable(Instant), description: 'When you may, if that is known' },
        },
        { $id: 'ListedLock', additionalProperties: false },
      ),
    ),
    not_set_up: t.Optional(
      t.Array(
        t.Object(
          { label: t.String({ examples: ['back-door'] }), last_at: Instant },
          { $id: 'UsedLabel', additionalProperties: false },
        ),
        { description: `For admins: up to ${NOT_SET_UP_MAX} labels of unlocks that have no lock` },
      ),
    ),
  },
  { $id: 'LockList', additionalProperties: false },
)

export const lockJson = (
  { label, name, state, version }: Lock,
  controller: Controller = 'none',
): Static<typeof LockAnswer> => ({ label, name, state, version, controller })

export const LOCK_EXAMPLE = {
  label: DEFAULT_LOCK,
  name: 'Front door',
  state: 'enabled',
  version: 1,
  controller: 'none',
} as const

export const listedLockJson = (lock: Lock & Opening, controller: Controller) => ({
  ...lockJson(lock, controller),
  may_open: lock.mayOpen,
  reason: lock.reason,
  next_at: lock.nextAtMs === null ? null : new Date(lock.nextAtMs).toISOString(),
})

export const usedLabelJson = ({ label, lastAtMs }: { label: string; lastAtMs: number }) => ({
  label,
  last_at: new Date(lastAtMs).toISOString(),
})
