import { invalid, message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { IfMatchHeaders, VERSION_CHANGED, ifMatch } from '../../http/request/headers/if-match.ts'
import type { Status } from '../running/status.ts'
import { DRIVER_EXAMPLE, DriverAnswer, DriverBody, DriverParams, driverJson } from './schema.ts'
import { CONTROLLER_SET, NO_BROKER, NO_DRIVER, NO_SUCH_LOCK, type Setups } from './service.ts'

type Dependencies = {
  readonly setups: Setups
  /** Returns the last known status of a lock. */
  readonly statusOf: (lockId: string) => Promise<Status>
}

/** The drivers of locks. */
export const driverRoutes = (deps: Dependencies): readonly Endpoint[] => [
  read(deps),
  put(deps),
  remove(deps),
]

const PATH = '/v1/locks/:label/driver'
const ANSWER = { description: 'The driver', schema: DriverAnswer, example: DRIVER_EXAMPLE }
const NOT_FOUND = [
  problem(404, 'not_found', NO_DRIVER),
  problem(404, 'not_found', NO_SUCH_LOCK),
] as const

const read = ({ setups, statusOf }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: PATH,
      access: 'owner',
      tag: 'Locks',
      operationId: 'getLockDriver',
      summary: 'Get the driver of a lock and the status of the lock',
      params: DriverParams,
      answers: { 200: ANSWER, 404: NOT_FOUND },
    },
    async ({ params }) => {
      const setup = await setups.find(params.label)
      return driverJson(setup, await statusOf(setup.lockId))
    },
  )

const put = ({ setups, statusOf }: Dependencies) =>
  endpoint(
    {
      method: 'PUT',
      path: PATH,
      access: 'owner',
      limits: ['changes'],
      tag: 'Locks',
      operationId: 'putLockDriver',
      summary: 'Set the driver of a lock',
      description:
        'From then on, the gateway asks the lock to open for each permitted attempt, once, and records what the ' +
        'lock reports. If the lock keeps a log of its own, earlier entries are not recorded.',
      params: DriverParams,
      headers: IfMatchHeaders,
      body: DriverBody,
      answers: {
        200: ANSWER,
        400: invalid(DriverBody, 'kind'),
        404: problem(404, 'not_found', NO_SUCH_LOCK),
        409: [problem(409, 'no_broker', NO_BROKER), problem(409, 'controller_set', CONTROLLER_SET)],
        412: VERSION_CHANGED,
      },
    },
    async ({ request, caller, params, body }) => {
      const { kind, settings, secrets } = body
      const version = ifMatch(request)
      const setup = await setups.put(caller, params.label, { kind, settings, secrets, version })
      return driverJson(setup, await statusOf(setup.lockId))
    },
  )

const remove = ({ setups }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: PATH,
      access: 'owner',
      limits: ['changes'],
      tag: 'Locks',
      operationId: 'removeLockDriver',
      summary: 'Remove the driver of a lock',
      description:
        'Attempts are still decided and recorded, but the lock is no longer asked to open.',
      params: DriverParams,
      answers: {
        200: message('The lock has no driver', 'Driver removed'),
        404: NOT_FOUND,
      },
    },
    async ({ caller, params }) => {
      await setups.remove(caller, params.label)
      return { msg: 'Driver removed' }
    },
  )
