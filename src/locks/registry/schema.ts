import { type Static, Type as t } from '@sinclair/typebox'
import { DEFAULT_LOCK, LOCK_STATES } from '../../domain/access.ts'
import { LockLabel, oneOf, text } from '../../http/request/text.ts'
import type { Lock } from './store.ts'

const LockName = text({
  min: 1,
  max: 100,
  description: 'What people call it',
  examples: ['Front door'],
})

const State = {
  ...oneOf(LOCK_STATES),
  description: 'A disabled lock opens for nobody; a retired one never again, nor does its label',
  examples: ['enabled'],
}

export const LockParams = t.Object({ label: LockLabel })

export const LockBody = t.Object(
  {
    label: {
      ...LockLabel,
      description:
        'By which unlocks and requests name it; it never changes and is never given again',
    },
    name: LockName,
  },
  { $id: 'LockRequest' },
)

export const LockUpdate = t.Object(
  { name: t.Optional(LockName), state: t.Optional(State) },
  { $id: 'LockUpdate', minProperties: 1 },
)

export const LockAnswer = t.Object(
  {
    label: t.String({ examples: [DEFAULT_LOCK] }),
    name: t.String({ examples: ['Front door'] }),
    state: State,
    version: t.Integer({ description: 'Counts changes; for `If-Match`', examples: [3] }),
    controller: {
      ...oneOf(['none']),
      description: 'No device at a lock reports to the gateway yet, so nothing moves',
      examples: ['none'],
    },
  },
  { $id: 'Lock', additionalProperties: false },
)

export const lockJson = ({ label, name, state, version }: Lock): Static<typeof LockAnswer> => ({
  label,
  name,
  state,
  version,
  controller: 'none',
})

export const LOCK_EXAMPLE = {
  label: DEFAULT_LOCK,
  name: 'Front door',
  state: 'enabled',
  version: 1,
  controller: 'none',
} as const
