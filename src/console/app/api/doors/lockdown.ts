import type { Static } from '@sinclair/typebox'
import type { LockdownAnswer } from '../../../../locks/home/schema.ts'
import { api } from '../client.ts'
import type { Door, Lockdown } from '../doors.ts'
import { type Loaded, useLoad } from '../load.ts'

/** Loads what is locked down now. */
export const useLockdowns = (): Loaded<readonly Lockdown[]> =>
  useLoad(
    'lockdowns',
    async (signal) =>
      (await api.get<Static<typeof LockdownAnswer>>('/v1/home/lockdown', { signal })).lockdowns,
  )

/** The lockdown of a door: its own, or that of the whole home. */
export const lockdownOf = (
  { label }: Pick<Door, 'label'>,
  lockdowns: readonly Lockdown[],
): Lockdown | undefined =>
  lockdowns.find(({ lock }) => lock === label) ?? lockdowns.find(({ lock }) => lock === null)
