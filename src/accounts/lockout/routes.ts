import { AppError } from '../../errors.ts'
import type { Account } from '../../domain/account.ts'
import type { Endpoints } from '../../http/router.ts'
import { message, problem } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import { readQuery } from '../../http/request/query.ts'
import type { ActiveLockout } from './store.ts'
import type { Lockout } from './service.ts'
import { AccountQuery } from '../core/schema.ts'
import { LockoutParams, LockoutsAnswer } from './schema.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly lockout: Pick<Lockout, 'clear' | 'list'>
  readonly findAccount: (publicId: string) => Promise<Account | undefined>
}

/** Who has to wait after too many failed logins, and letting them in before that. */
export const lockoutRoutes = ({ endpoints, lockout, findAccount }: Dependencies) => {
  const askedAbout = async (request: Request): Promise<number | undefined> => {
    const { account: publicId } = readQuery(request, AccountQuery)
    if (publicId === undefined) return undefined
    const account = await findAccount(publicId)
    if (!account) throw new AppError('not_found', 'No such account')
    return account.id
  }

  return endpoints
    .group('default')
    .get(
      '/v1/lockouts',
      async ({ request }) => {
        const { total, lockouts } = await lockout.list(await askedAbout(request))
        return { total, lockouts: lockouts.map(lockoutAnswer) }
      },
      LIST,
    )
    .delete(
      '/v1/lockouts/:id',
      async ({ params, caller }) => {
        await lockout.clear(caller, params.id)
        return { msg: 'Lockout cleared' }
      },
      CLEAR,
    )
}

const lockoutAnswer = ({ account, address, ...wait }: ActiveLockout) => ({
  id: wait.id,
  kind: wait.kind,
  account: account?.publicId ?? null,
  username: account?.username ?? null,
  address: address ?? null,
  failures: wait.failures,
  failed_at: new Date(wait.failedAtMs).toISOString(),
  locked_until: new Date(wait.lockedUntilMs).toISOString(),
})

const LIST = operation({
  access: 'admin',
  tag: 'Accounts',
  summary: 'Who has to wait',
  description:
    'After ten failed logins in a row a client waits at that name, at first for 30 seconds and ' +
    'with each further failure for twice as long, up to an hour. After a hundred at a name, clients ' +
    'that have not signed in to it before wait there; after a hundred of a client, it waits at the ' +
    'names that it has not signed in to. Up to a hundred are listed, those at accounts first.',
  query: AccountQuery,
  answers: {
    200: {
      description: 'The waits that run, and how many there are',
      schema: LockoutsAnswer,
      example: {
        total: 1,
        lockouts: [
          {
            id: '5f0c7a3e9b1d482c6e8f70a1b2c3d4e55f0c7a3e9b1d482c6e8f70a1b2c3d4e5',
            kind: 'client_at_name',
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
    400: problem(400, 'invalid', 'Invalid account'),
    404: problem(404, 'not_found', 'No such account'),
  },
})

const CLEAR = operation({
  access: 'admin',
  tag: 'Accounts',
  summary: 'Lift a wait',
  description: 'Forgets the failures too: the next ones are counted from the first.',
  params: LockoutParams,
  answers: {
    200: message('It is over', 'Lockout cleared'),
    404: problem(404, 'not_found', 'No such lockout'),
  },
})
