import { api } from './client.ts'
import type { Door } from './doors.ts'
import { doorPath } from './driver.ts'
import { controllerNames, signingSince } from '../words/confirmed.ts'

/** A device at a lock that moves the bolt and signs what happened. */
export type Controller = {
  readonly id: string
  /** The label of the lock. */
  readonly lock: string
  readonly name: string
  /** `forked`: two of its reports have the same number, so that it is not trusted any more. */
  readonly state: 'online' | 'offline' | 'forked' | 'removed'
  readonly seen_at: string
  readonly enrolled_at: string
  /** The number of its report up to which none is missing. */
  readonly through: number
  /** The first and last number of each run of reports that never came. */
  readonly missing: readonly (readonly [first: number, last: number])[]
}

/** What enrols a controller, once. */
export type ControllerCode = {
  readonly code: string
  readonly expires_at: string
  readonly qr_svg: string
  /** What to run on the controller. */
  readonly command: string
}

/** As many as a lock may have. */
export const CONTROLLERS_MAX = 4

/** Loads the controllers of a lock; removed ones are left out. */
export const loadControllers = async (
  door: Door,
  signal: AbortSignal,
): Promise<readonly Controller[]> => {
  const { controllers } = await api.get<{ readonly controllers: readonly Controller[] }>(
    `${doorPath(door)}/controllers`,
    { signal },
  )
  return controllers.filter(({ state }) => state !== 'removed')
}

/** Loads the names of controllers, and since when they sign what happens at which locks. */
export const loadSigning = async (signal?: AbortSignal): Promise<void> => {
  const { controllers } = await api.get<{ readonly controllers: readonly Controller[] }>(
    '/v1/controllers',
    signal ? { signal } : {},
  )
  const since = new Map<string, number>()
  for (const { lock, state, enrolled_at: enrolledAt } of controllers) {
    if (state === 'removed') continue
    since.set(lock, Math.min(since.get(lock) ?? Infinity, Date.parse(enrolledAt)))
  }
  signingSince.value = since
  controllerNames.value = new Map(controllers.map(({ id, name }) => [id, name]))
}

/** Makes a code that enrols a controller. */
export const makeControllerCode = (door: Door, password: string): Promise<ControllerCode> =>
  api.post(`${doorPath(door)}/controllers`, { password })

export const removeController = ({ id }: Controller, password: string): Promise<void> =>
  api.delete(`/v1/controllers/${encodeURIComponent(id)}`, { password })
