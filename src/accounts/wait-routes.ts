import { AppError } from '../errors.ts'
import type { Account } from '../http/access.ts'
import type { Endpoints } from '../http/endpoints.ts'
import { message, operation, problem } from '../http/operation.ts'
import { readQuery } from '../http/query.ts'
import type { Wait } from './guess-store.ts'
import type { Guesses } from './guesses.ts'
import { AccountQuery, WaitParams, WaitsAnswer } from './schema.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly guesses: Pick<Guesses, 'lift' | 'list'>
  readonly findAccount: (publicId: string) => Promise<Account | undefined>
}

/** Who has to wait after too many failed logins, and letting them in before that. */
export const waitRoutes = ({ endpoints, guesses, findAccount }: Dependencies) => {
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
      '/v1/waits',
      async ({ request }) => {
        const { total, waits } = await guesses.list(await askedAbout(request))
        return { total, waits: waits.map(waitAnswer) }
      },
      LIST,
    )
    .delete(
      '/v1/waits/:id',
      async ({ params, caller }) => {
        await guesses.lift(caller, params.id)
        return { msg: 'Wait lifted' }
      },
      LIFT,
    )
}

const waitAnswer = ({ account, address, ...wait }: Wait) => ({
  id: wait.id,
  kind: wait.kind,
  account: account?.publicId ?? null,
  username: account?.username ?? null,
  address: address ?? null,
  failures: wait.failures,
  failed_at: new Date(wait.failedAtMs).toISOString(),
  waits_until: new Date(wait.waitsUntilMs).toISOString(),
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
      schema: WaitsAnswer,
      example: {
        total: 1,
        waits: [
          {
            id: '5f0c7a3e9b1d482c6e8f70a1b2c3d4e55f0c7a3e9b1d482c6e8f70a1b2c3d4e5',
            kind: 'client_at_name',
            account: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81',
            username: 'ada',
            address: '192.168.1.66',
            failures: 12,
            failed_at: '2026-11-22T18:30:02.125Z',
            waits_until: '2026-11-22T18:32:02.125Z',
          },
        ],
      },
    },
    400: problem(400, 'invalid', 'Invalid account'),
    404: problem(404, 'not_found', 'No such account'),
  },
})

const LIFT = operation({
  access: 'admin',
  tag: 'Accounts',
  summary: 'Lift a wait',
  description: 'Forgets the failures too: the next ones are counted from the first.',
  params: WaitParams,
  answers: {
    200: message('It is over', 'Wait lifted'),
    404: problem(404, 'not_found', 'No such wait'),
  },
})
