import { type Static, Type as t } from '@sinclair/typebox'
import { accepting } from '../../http/request/accepted.ts'
import { optional } from '../../http/request/optional.ts'
import { LockLabel, Time, Uuid, GivenUuid, nullable } from '../../http/request/text.ts'
import type { Slot } from './store.ts'

export const SlotsParams = t.Object({ label: LockLabel })

const SLOT = '^(auth-)?(0|[1-9][0-9]{0,9})$'

export const isSlot = (name: string): boolean => new RegExp(SLOT).test(name)

export const SlotName = t.String({
  pattern: SLOT,
  description:
    'The lock’s own number for a code, finger, card or phone: `action_user` in Zigbee2MQTT, `codeId` in Nuki ' +
    'Hub or, for a phone with the Nuki app, `auth-` and its `authorizationId`',
  examples: ['2'],
  ...accepting('a number, or auth- and a number'),
})

export const SlotParams = t.Object({ label: LockLabel, slot: SlotName })

export const SlotBody = t.Object(
  {
    account: { ...GivenUuid, description: 'Public id of the account that it belongs to' },
    valid_from: optional({
      ...Time,
      description: 'From when it is theirs; now by default. Replaces what was set for later times',
    }),
    valid_to: optional({ ...Time, description: 'Until when it is theirs; no end by default' }),
  },
  { $id: 'LockSlotRequest' },
)

const Instant = t.String({ format: 'date-time', examples: ['2026-11-28T15:00:00.000Z'] })

export const SlotAnswer = t.Object(
  {
    slot: SlotName,
    account: { ...Uuid, description: 'Public id of the account that it belongs to' },
    valid_from: Instant,
    valid_to: { ...nullable(Instant), description: 'Null for no end' },
  },
  { $id: 'LockSlot', additionalProperties: false },
)

export const SlotsAnswer = t.Object(
  { slots: t.Array(SlotAnswer) },
  { $id: 'LockSlotList', additionalProperties: false },
)

export const SLOT_EXAMPLE = {
  slot: '2',
  account: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81',
  valid_from: '2026-11-28T15:00:00.000Z',
  valid_to: null,
} as const satisfies Static<typeof SlotAnswer>

export const slotJson = (slot: Slot): Static<typeof SlotAnswer> => ({
  slot: slot.slot,
  account: slot.accountPublicId,
  valid_from: new Date(slot.validFromMs).toISOString(),
  valid_to: slot.validToMs === null ? null : new Date(slot.validToMs).toISOString(),
})
