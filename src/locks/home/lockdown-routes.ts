import { isNewcomer } from '../../domain/account.ts'
import { invalid, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { acceptedBy, notAccepted } from '../../http/request/accepted.ts'
import { Time, timeMs } from '../../http/request/text.ts'
import { LOCK_RETIRED, NO_SUCH_LOCK } from '../registry/service.ts'
import { type Lockdowns, OWNER_ENDS, UNDO_MINUTES } from './lockdown.ts'
import {
  LOCKDOWN_EXAMPLE,
  LockdownAnswer,
  LockdownBody,
  LockdownQuery,
  lockdownsJson,
} from './schema.ts'

type Dependencies = { readonly lockdowns: Lockdowns }

/** Lockdowns of the home and of single locks. */
export const lockdownRoutes = (deps: Dependencies): readonly Endpoint[] => [
  read(deps),
  begin(deps),
  end(deps),
]

const ANSWER = {
  description: 'The lockdowns in force',
  schema: LockdownAnswer,
  example: LOCKDOWN_EXAMPLE,
}

const OWNER_NEEDED = problem(403, 'owner_needed', OWNER_ENDS)

const read = ({ lockdowns }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/home/lockdown',
      access: 'member',
      tag: 'Locks',
      operationId: 'getLockdowns',
      summary: 'List the lockdowns in force',
      description:
        'During a lockdown, the gateway lets only owners in. It locks nothing, and never keeps ' +
        'anybody from leaving. Who waits to be let in sees none.',
      answers: { 200: ANSWER },
    },
    async ({ caller, account }) =>
      lockdownsJson(isNewcomer(account) ? [] : await lockdowns.inForce(caller, account.role)),
  )

const begin = ({ lockdowns }: Dependencies) =>
  endpoint(
    {
      method: 'PUT',
      path: '/v1/home/lockdown',
      access: 'admin',
      limits: ['changes'],
      tag: 'Locks',
      operationId: 'beginLockdown',
      summary: 'Lock down the home or some locks',
      description:
        'Refuses everyone but owners from the next decision on. Sent again, it changes when the ' +
        'lockdown ends; only those who may end it can make it end sooner.',
      body: LockdownBody,
      answers: {
        200: ANSWER,
        400: invalid(LockdownBody, 'locks'),
        403: OWNER_NEEDED,
        409: problem(409, 'lock_retired', LOCK_RETIRED),
      },
    },
    async ({ caller, account, body: { locks, until } }) => {
      await lockdowns.begin(caller, { locks, untilMs: endMs(until) })
      return lockdownsJson(await lockdowns.inForce(caller, account.role))
    },
  )

/** Returns when a lockdown ends. Throws `invalid` for a date that does not exist. */
const endMs = (until: string | undefined): number | undefined => {
  const ms = until === undefined ? undefined : timeMs(until)
  if (until !== undefined && ms === undefined) throw notAccepted({ until: acceptedBy(Time) })
  return ms
}

const end = ({ lockdowns }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/home/lockdown',
      access: 'admin',
      limits: ['changes'],
      tag: 'Locks',
      operationId: 'endLockdown',
      summary: 'End the lockdown of the home or of a lock',
      description:
        `For owners, and for ${UNDO_MINUTES} minutes for anyone who began it. A lock stays locked down ` +
        'while the home is, and the other way round. Does nothing if there is no lockdown.',
      query: LockdownQuery,
      answers: {
        200: ANSWER,
        400: invalid(LockdownQuery, 'lock'),
        403: OWNER_NEEDED,
        404: problem(404, 'not_found', NO_SUCH_LOCK),
      },
    },
    async ({ caller, account, query }) => {
      await lockdowns.end(caller, query.lock)
      return lockdownsJson(await lockdowns.inForce(caller, account.role))
    },
  )
