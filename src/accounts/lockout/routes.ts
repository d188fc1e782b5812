import { invalid, message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { OWNERS_ONLY } from '../core/authorization.ts'
import { AccountQuery } from '../core/schema.ts'
import { LockoutParams, LockoutsAnswer } from './schema.ts'
import type { Lockout } from './service.ts'
import type { ActiveLockout } from './store.ts'

type Dependencies = { readonly lockout: Pick<Lockout, 'clear' | 'list'> }

/** Listing and clearing lockouts, for admins and owners. */
export const lockoutRoutes = (deps: Dependencies): readonly Endpoint[] => [list(deps), clear(deps)]

const OWNER_NEEDED = problem(403, 'owner_needed', OWNERS_ONLY)

const list = ({ lockout }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/lockouts',
      access: 'admin',
      tag: 'Accounts',
      operationId: 'listLockouts',
      summary: 'List lockouts',
      description:
        'After ten failed logins in a row, a client is locked out of that name, for 30 seconds ' +
        'at first and twice as long after each further failure, up to an hour. After a hundred ' +
        'failures at a name, clients that have not logged in to it before are locked out of it. ' +
        'After a hundred failures of a client, it is locked out of the names it has not logged ' +
        'in to. The passwords that browsers send to the tables count apart: failures there lock a client out ' +
        'of the tables only. Lists up to a hundred lockouts, those of accounts first. Admins do not see from which ' +
        'address someone tried an owner’s name.',
      query: AccountQuery,
      answers: {
        200: {
          description: 'The active lockouts, and their total number',
          schema: LockoutsAnswer,
          example: {
            total: 1,
            lockouts: [
              {
                id: '5f0c7a3e9b1d482c6e8f70a1b2c3d4e55f0c7a3e9b1d482c6e8f70a1b2c3d4e5',
                kind: 'client_at_name',
                place: 'login',
                account: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81',
                username: 'ada',
                address: '192.168.1.66',
                failures: 12,
                failed_at: '2026-11-22T18:30:02.125Z',
                locked_until: '2026-11-22T18:32:02.125Z',
              },
            ],
          },
        },
        400: invalid(AccountQuery, 'account'),
        403: OWNER_NEEDED,
        404: problem(404, 'not_found', 'No such account'),
      },
    },
    async ({ caller, query }) => {
      const { total, lockouts } = await lockout.list(caller, query.account)
      return { total, lockouts: lockouts.map(lockoutAnswer) }
    },
  )

const lockoutAnswer = ({ account, address, ...lockout }: ActiveLockout) => ({
  id: lockout.id,
  kind: lockout.kind,
  place: lockout.place,
  account: account?.publicId ?? null,
  username: account?.username ?? null,
  address: address ?? null,
  failures: lockout.failures,
  failed_at: new Date(lockout.failedAtMs).toISOString(),
  locked_until: new Date(lockout.lockedUntilMs).toISOString(),
})

const clear = ({ lockout }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/lockouts/:id',
      access: 'admin',
      limits: ['changes'],
      tag: 'Accounts',
      operationId: 'clearLockout',
      summary: 'Clear a lockout',
      description:
        'Also resets its count of failures. That of an owner’s name is cleared by owners only.',
      params: LockoutParams,
      answers: {
        200: message('The lockout is cleared', 'Lockout cleared'),
        403: OWNER_NEEDED,
        404: problem(404, 'not_found', 'No such lockout'),
      },
    },
    async ({ params, caller }) => {
      await lockout.clear(caller, params.id)
      return { msg: 'Lockout cleared' }
    },
  )
