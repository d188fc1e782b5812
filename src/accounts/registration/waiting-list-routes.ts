import { invalid } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { WaitingListAnswer, WaitingListQuery } from './schema.ts'
import { WAITING_DAYS_MAX, type WaitingList } from './waiting-list.ts'

type Dependencies = { readonly waitingList: Pick<WaitingList, 'clear'> }

/** The waiting list as a whole, for admins and owners. */
export const waitingListRoutes = (deps: Dependencies): readonly Endpoint[] => [clear(deps)]

const clear = ({ waitingList }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/waiting-list',
      access: 'admin',
      limits: ['changes'],
      tag: 'People',
      operationId: 'clearWaitingList',
      summary: 'Erase everyone on the waiting list',
      description:
        'Erases everyone who registered without an invitation and whom nobody has let in or refused, ' +
        'or only those who registered from one address. What they recorded is erased soon after. ' +
        'This cannot be undone. They can register again while registration is open. After ' +
        `${WAITING_DAYS_MAX} days, the server itself erases who still waits.`,
      query: WaitingListQuery,
      answers: {
        200: {
          description: 'The number of accounts that were erased',
          schema: WaitingListAnswer,
          example: { erased: 20 },
        },
        400: invalid(WaitingListQuery, 'registered_from'),
      },
    },
    async ({ caller, query }) => ({
      erased: await waitingList.clear(caller, query.registered_from),
    }),
  )
