import { invalid, message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { acceptedBy, notAccepted } from '../../http/request/accepted.ts'
import { timeMs } from '../../http/request/text.ts'
import { NO_SUCH_LOCK } from '../setup/service.ts'
import {
  SLOT_EXAMPLE,
  SlotAnswer,
  SlotBody,
  SlotName,
  SlotParams,
  SlotsAnswer,
  SlotsParams,
  isSlot,
  slotJson,
} from './schema.ts'
import { NO_SUCH_ACCOUNT, NO_SUCH_SLOT, type Slots, TOO_MANY_SLOTS } from './service.ts'

type Dependencies = { readonly slots: Slots }

/** Slots: who a lock’s codes, fingers, cards and phones belong to. */
export const slotRoutes = (deps: Dependencies): readonly Endpoint[] => [
  list(deps),
  put(deps),
  remove(deps),
]

const UNKNOWN_LOCK = problem(404, 'not_found', NO_SUCH_LOCK)

const list = ({ slots }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/locks/:label/slots',
      access: 'owner',
      tag: 'Locks',
      operationId: 'listLockSlots',
      summary: 'List the slots of a lock',
      description:
        'A slot is the lock’s own number for a code, finger, card or phone. Sorted by slot, oldest first; ' +
        'includes slots that have ended.',
      params: SlotsParams,
      answers: {
        200: { description: 'The slots', schema: SlotsAnswer, example: { slots: [SLOT_EXAMPLE] } },
        404: UNKNOWN_LOCK,
      },
    },
    async ({ params }) => ({ slots: (await slots.all(params.label)).map(slotJson) }),
  )

const put = ({ slots }: Dependencies) =>
  endpoint(
    {
      method: 'PUT',
      path: '/v1/locks/:label/slots/:slot',
      access: 'owner',
      limits: ['changes'],
      tag: 'Locks',
      operationId: 'putLockSlot',
      summary: 'Assign a slot of a lock to a person',
      description: 'Earlier events keep the person that the slot belonged to when they happened.',
      params: SlotParams,
      body: SlotBody,
      answers: {
        200: { description: 'The slot', schema: SlotAnswer, example: SLOT_EXAMPLE },
        400: invalid(SlotBody, 'account'),
        404: [UNKNOWN_LOCK, problem(404, 'not_found', NO_SUCH_ACCOUNT)],
        409: problem(409, 'too_many_slots', TOO_MANY_SLOTS),
      },
    },
    async ({ caller, params, body }) =>
      slotJson(
        await slots.put(caller, params.label, {
          slot: slotIn(params.slot),
          accountPublicId: body.account.toLowerCase(),
          validFromMs: timeIn('valid_from', body.valid_from),
          validToMs: timeIn('valid_to', body.valid_to) ?? null,
        }),
      ),
  )

const remove = ({ slots }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/locks/:label/slots/:slot',
      access: 'owner',
      limits: ['changes'],
      tag: 'Locks',
      operationId: 'removeLockSlot',
      summary: 'End the assignment of a slot',
      params: SlotParams,
      answers: {
        200: message('The slot is no longer assigned', 'Slot removed'),
        404: [problem(404, 'not_found', NO_SUCH_SLOT), UNKNOWN_LOCK],
      },
    },
    async ({ caller, params }) => {
      await slots.remove(caller, params.label, params.slot)
      return { msg: 'Slot removed' }
    },
  )

const slotIn = (name: string): string => {
  if (!isSlot(name)) throw notAccepted({ slot: acceptedBy(SlotName) })
  return name
}

const timeIn = (
  name: 'valid_from' | 'valid_to',
  time: string | null | undefined,
): number | undefined => {
  if (time === undefined || time === null) return undefined
  const ms = timeMs(time)
  if (ms === undefined) throw notAccepted({ [name]: acceptedBy(SlotBody.properties[name]) })
  return ms
}
