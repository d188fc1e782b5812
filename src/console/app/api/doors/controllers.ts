import type { Static } from '@sinclair/typebox'
import type { CodeAnswer, ControllersAnswer } from '../../../../controllers/enrolment/schema.ts'
import { api } from '../client.ts'
import type { Door } from '../doors.ts'
import { doorPath } from './driver.ts'

/** A device at a lock that moves the bolt and signs what happened. */
export type Controller = Static<typeof ControllersAnswer>['controllers'][number]

/** What enrols a controller, once. */
export type ControllerCode = Static<typeof CodeAnswer>

/** As many as a lock may have. */
export const CONTROLLERS_MAX = 4

/** Loads the controllers of a lock; removed ones are left out. */
export const loadControllers = async (
  door: Door,
  signal: AbortSignal,
): Promise<readonly Controller[]> => {
  const { controllers } = await api.get<Static<typeof ControllersAnswer>>(
    `${doorPath(door)}/controllers`,
    { signal },
  )
  return controllers.filter(({ state }) => state !== 'removed')
}

/** Loads the name of a controller; undefined if there is none. */
export const loadControllerName = async (
  id: string,
  signal: AbortSignal,
): Promise<{ readonly name: string | undefined }> => {
  const { controllers } = await api.get<Static<typeof ControllersAnswer>>('/v1/controllers', {
    signal,
  })
  return { name: controllers.find((controller) => controller.id === id)?.name }
}

/** Makes a code that enrols a controller. */
export const makeControllerCode = (door: Door, password: string): Promise<ControllerCode> =>
  api.post(`${doorPath(door)}/controllers`, { password })

export const removeController = ({ id }: Controller, password: string): Promise<void> =>
  api.delete(`/v1/controllers/${encodeURIComponent(id)}`, { password })
