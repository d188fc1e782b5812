import type { Static } from '@sinclair/typebox'
import type { DriverAnswer } from '../../../../drivers/setup/schema.ts'
import type { SlotsAnswer } from '../../../../drivers/slots/schema.ts'
import { ApiError, api } from '../client.ts'
import type { Door } from '../doors.ts'

/** What moves a door. */
export type Driver = Static<typeof DriverAnswer>
export type Slot = Static<typeof SlotsAnswer>['slots'][number]

export const doorPath = ({ label }: Pick<Door, 'label'>): string =>
  `/v1/locks/${encodeURIComponent(label)}`

/** Loads what moves a door, if anything does. */
export const loadDriver = async (door: Door, signal: AbortSignal): Promise<Driver | undefined> =>
  door.controller === 'none'
    ? undefined
    : api.get<Driver>(`${doorPath(door)}/driver`, { signal }).catch((error: unknown) => {
        // Its last controller was removed in the meantime.
        if (error instanceof ApiError && error.status === 404) return undefined
        throw error
      })

/** Loads whose the codes, fingers, cards and phones are that a lock knows. */
export const loadSlots = async (door: Door, signal: AbortSignal): Promise<readonly Slot[]> =>
  (await api.get<Static<typeof SlotsAnswer>>(`${doorPath(door)}/slots`, { signal })).slots
