import { type Static, Type as t } from '@sinclair/typebox'
import { DEFAULT_LOCK } from '../../domain/access.ts'
import { accepting } from '../../http/request/accepted.ts'
import { LockLabel, Uuid, nullable, oneOf, text } from '../../http/request/text.ts'
import { type Controller, base64Of } from '../core/controller.ts'
import type { Run } from '../reports/chain.ts'

export const LockParams = t.Object({ label: LockLabel })
export const ControllerParams = t.Object({
  id: t.String({ description: 'UUID', examples: ['0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'] }),
})

const PASSWORD_CHARACTERS_MAX = 1024

export const PasswordBody = t.Object(
  {
    password: text({
      max: PASSWORD_CHARACTERS_MAX,
      controls: 'any',
      isAsTyped: true,
      description: 'Your own password',
      examples: ['correct horse battery'],
    }),
  },
  { $id: 'ControllerConfirmation' },
)

const CODE_EXAMPLE = 'c1f0b7a94e5d4c3b8a29f8e7d6c5b4a3'

export const CodeAnswer = t.Object(
  {
    code: t.String({ description: 'Enrols one controller, once', examples: [CODE_EXAMPLE] }),
    expires_at: t.String({ format: 'date-time' }),
    qr_svg: t.String({ description: 'The command as a QR code, an SVG image' }),
    command: t.String({ description: 'The command to run on the device at the lock' }),
  },
  { $id: 'ControllerCode', additionalProperties: false },
)

export const CODE_ANSWER_EXAMPLE = {
  code: CODE_EXAMPLE,
  expires_at: '2026-11-22T19:00:02.125Z',
  qr_svg: '<svg xmlns="http://www.w3.org/2000/svg">…</svg>',
  command: `secure-lock-server controller --gateway https://lock.home:8443 --code ${CODE_EXAMPLE} --dry-run`,
} as const satisfies Static<typeof CodeAnswer>

const NAME_MAX = 80
const PUBLIC_KEY_TEXT = 88
const PROOF_TEXT_MAX = 684

const PublicKey = t.String({
  minLength: PUBLIC_KEY_TEXT,
  maxLength: PUBLIC_KEY_TEXT,
  description: 'A P-256 key as an uncompressed point, 65 bytes in Base64',
  examples: [
    'BGsX0fLhLEJH+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU=',
  ],
  ...accepting('a P-256 key, 65 bytes in Base64'),
})

export const EnrolBody = t.Object(
  {
    code: t.String({
      maxLength: 64,
      description: 'The one-time code',
      examples: [CODE_EXAMPLE],
      ...accepting('text'),
    }),
    public_key: PublicKey,
    name: text({
      min: 1,
      max: NAME_MAX,
      description: 'What people call the device',
      examples: ['Raspberry Pi in the hall'],
    }),
    proof: t.String({
      maxLength: PROOF_TEXT_MAX,
      description: 'Its enrolment statement in Base64, which shows that it has the key',
      examples: ['0oRDoQEmoFhhow=='],
      ...accepting('a signed statement in Base64'),
    }),
  },
  { $id: 'ControllerEnrolment' },
)

export const EnrolledAnswer = t.Object(
  {
    id: Uuid,
    token: t.String({ description: 'Returned only once; the gateway stores a hash' }),
    lock: t.Object(
      { id: Uuid, label: t.String(), name: t.String() },
      { $id: 'LockOfController', additionalProperties: false },
    ),
    door_key: PublicKey,
    gateway_time: t.String({ format: 'date-time' }),
  },
  { $id: 'EnrolledController', additionalProperties: false },
)

export const ENROLLED_EXAMPLE = {
  id: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d',
  token: 'slc_…',
  lock: { id: '0193c6a8-5f0e-7c3a-9b1d-000000000001', label: DEFAULT_LOCK, name: 'Front door' },
  door_key:
    'BGsX0fLhLEJH+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU=',
  gateway_time: '2026-11-22T18:30:02.125Z',
} as const satisfies Static<typeof EnrolledAnswer>

export const enrolledJson = ({
  controller,
  lockName,
  token,
  doorKey,
  nowMs,
}: {
  readonly controller: Controller
  readonly lockName: string
  readonly token: string
  readonly doorKey: Uint8Array
  readonly nowMs: number
}): Static<typeof EnrolledAnswer> => ({
  id: controller.id,
  token,
  lock: { id: controller.lockId, label: controller.lock, name: lockName },
  door_key: base64Of(doorKey),
  gateway_time: new Date(nowMs).toISOString(),
})

const CONTROLLER_STATES = ['online', 'offline', 'forked', 'removed'] as const
export type ControllerState = (typeof CONTROLLER_STATES)[number]

export const ControllerAnswer = t.Object(
  {
    id: Uuid,
    lock: t.String({ description: 'The label of the lock', examples: [DEFAULT_LOCK] }),
    name: t.String({ examples: ['Raspberry Pi in the hall'] }),
    state: {
      ...oneOf(CONTROLLER_STATES),
      description:
        '`online`: it waits for commands. `forked`: two of its reports have the same counter, so it is no longer trusted',
      examples: ['online'],
    },
    seen_at: t.String({ format: 'date-time', description: 'When it last asked for commands' }),
    enrolled_at: t.String({ format: 'date-time' }),
    forked_at: nullable(t.String({ format: 'date-time' })),
    through: t.Integer({ description: 'None of its reports up to this counter is missing' }),
    missing: t.Array(t.Array(t.Integer(), { minItems: 2, maxItems: 2 }), {
      description: 'Runs of counters of reports that are missing: the first and the last of each',
    }),
  },
  { $id: 'LockController', additionalProperties: false },
)

export const ControllersAnswer = t.Object(
  { controllers: t.Array(ControllerAnswer) },
  { $id: 'LockControllers', additionalProperties: false },
)

export const CONTROLLER_EXAMPLE = {
  id: ENROLLED_EXAMPLE.id,
  lock: DEFAULT_LOCK,
  name: 'Raspberry Pi in the hall',
  state: 'online',
  seen_at: '2026-11-22T18:30:02.125Z',
  enrolled_at: '2026-11-20T09:12:44.031Z',
  forked_at: null,
  through: 4711,
  missing: [[17, 19]],
} as const satisfies Static<typeof ControllerAnswer>

/** A controller with its state now. */
export type ListedController = Controller & {
  readonly state: ControllerState
  readonly missing: readonly Run[]
}

export const controllerJson = (listed: ListedController): Static<typeof ControllerAnswer> => ({
  id: listed.id,
  lock: listed.lock,
  name: listed.name,
  state: listed.state,
  seen_at: new Date(listed.seenAtMs).toISOString(),
  enrolled_at: new Date(listed.enrolledAtMs).toISOString(),
  forked_at: listed.forkedAtMs === null ? null : new Date(listed.forkedAtMs).toISOString(),
  through: listed.through,
  missing: listed.missing.map((run) => [...run]),
})
