import { type Static, type TObject, Type as t } from '@sinclair/typebox'
import { DEFAULT_LOCK } from '../../domain/access.ts'
import { accepting } from '../../http/request/accepted.ts'
import { optional } from '../../http/request/optional.ts'
import { LockLabel, described, nullable, oneOf } from '../../http/request/text.ts'
import { KINDS, KIND_NAMES } from '../kinds.ts'
import { BOLT_STATES } from '../observation.ts'
import type { Status } from '../running/status.ts'
import type { Setup } from './store.ts'

export const DriverParams = t.Object({ label: LockLabel })

const Kind = {
  ...oneOf(KIND_NAMES),
  description: 'The kind of driver',
  examples: ['zigbee2mqtt'],
}

const fieldsOf = (schema: TObject): string =>
  Object.keys(schema.properties)
    .map((name) => (schema.required?.includes(name) ? `\`${name}\`` : `\`${name}\` (optional)`))
    .join(', ')

const listed = (part: 'settings' | 'secrets'): string =>
  KIND_NAMES.filter((name) => Object.keys(KINDS[name][part].properties).length > 0)
    .map((name) => `\`${name}\`: ${fieldsOf(KINDS[name][part])}`)
    .join('; ')

const Parts = t.Object({}, accepting('an object'))

export const DriverBody = t.Object(
  {
    kind: Kind,
    settings: described(Parts, {
      description: `Settings of the kind. ${listed('settings')}`,
      examples: [KINDS.zigbee2mqtt.example],
    }),
    secrets: optional(
      described(Parts, {
        description:
          'Passwords and tokens; never returned. If absent, the current ones are kept, unless kind or address ' +
          `change. ${listed('secrets')}`,
        examples: [{}],
      }),
    ),
  },
  { $id: 'LockDriverRequest' },
)

const Instant = t.String({ format: 'date-time', examples: ['2026-11-28T15:00:00.000Z'] })

export const DriverAnswer = t.Object(
  {
    lock: t.String({ description: 'The label of the lock', examples: [DEFAULT_LOCK] }),
    kind: Kind,
    settings: t.Record(t.String(), t.Union([t.String(), t.Number()]), {
      description: 'The settings of the driver',
      examples: [KINDS.zigbee2mqtt.example],
    }),
    secrets: t.Array(t.String(), {
      description: 'The names of the secrets that are set',
      examples: [[]],
    }),
    version: t.Integer({
      description: 'Increases with each change; for `If-Match`',
      examples: [1],
    }),
    state: {
      ...nullable(oneOf(BOLT_STATES)),
      description: 'The state that the lock last reported; null if unknown',
      examples: ['locked'],
    },
    state_since: {
      ...nullable(Instant),
      description: 'When the gateway learned of this state; null if unknown',
    },
    online: {
      ...nullable(t.Boolean()),
      description: 'Whether the lock can be reached; null if unknown',
      examples: [true],
    },
    heard_at: { ...nullable(Instant), description: 'When the lock was last heard from' },
  },
  { $id: 'LockDriver', additionalProperties: false },
)

export const DRIVER_EXAMPLE = {
  lock: DEFAULT_LOCK,
  kind: 'zigbee2mqtt',
  settings: { name: 'front-door' },
  secrets: [],
  version: 1,
  state: 'locked',
  state_since: '2026-11-28T15:00:00.000Z',
  online: true,
  heard_at: '2026-11-28T15:04:11.125Z',
} as const satisfies Static<typeof DriverAnswer>

/** Returns a driver as JSON, without its secrets. */
export const driverJson = (setup: Setup, status: Status): Static<typeof DriverAnswer> => ({
  lock: setup.label,
  kind: setup.kind,
  settings: { ...setup.settings },
  secrets: Object.keys(setup.secrets),
  version: setup.version,
  state: status.state,
  state_since: timeJson(status.stateAtMs),
  online: status.isOnline,
  heard_at: timeJson(status.heardAtMs),
})

const timeJson = (ms: number | null): string | null =>
  ms === null ? null : new Date(ms).toISOString()
