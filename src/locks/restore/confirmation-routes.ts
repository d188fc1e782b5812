import { problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { type GrantReading, NO_SUCH_GRANT } from '../grants/reading.ts'
import { GRANT_EXAMPLE, GrantAnswer, GrantParams } from '../grants/schema.ts'
import type { Suspensions } from './suspensions.ts'

type Dependencies = {
  readonly suspensions: Pick<Suspensions, 'confirm'>
  readonly reading: Pick<GrantReading, 'find'>
}

/** Letting grants open again that wait for an owner after a restore. */
export const confirmationRoutes = ({ suspensions, reading }: Dependencies): readonly Endpoint[] => [
  endpoint(
    {
      method: 'POST',
      path: '/v1/grants/:id/confirmation',
      access: 'owner',
      limits: ['changes'],
      tag: 'Grants',
      operationId: 'confirmGrant',
      summary: 'Confirm a suspended grant',
      description:
        'After a restore that could not be compared with the data before it, passes and grants with a number of ' +
        'visits open nothing until an owner confirms each, and so do passes whose host was erased. Confirming ' +
        'another grant changes nothing.',
      params: GrantParams,
      answers: {
        200: { description: 'The grant', schema: GrantAnswer, example: GRANT_EXAMPLE },
        404: problem(404, 'not_found', NO_SUCH_GRANT),
      },
    },
    async ({ account, caller, params }) => {
      await reading.find(account, params.id)
      await suspensions.confirm(caller, params.id)
      return reading.find(account, params.id)
    },
  ),
]
