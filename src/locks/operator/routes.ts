import { type Static, Type as t } from '@sinclair/typebox'
import { invalid, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { GivenUuid, LockLabel, Uuid, nullable } from '../../http/request/text.ts'
import { LOCK_RETIRED, NO_SUCH_LOCK } from '../registry/service.ts'
import { MEMBERS_ONLY, NO_SUCH_ACCOUNT, type Operators } from './service.ts'

type Dependencies = { readonly operators: Operators }

/** The operator of a lock: the member that commands from the broker count as. */
export const operatorRoutes = (deps: Dependencies): readonly Endpoint[] => [
  read(deps),
  set(deps),
  remove(deps),
]

const LockParams = t.Object({ label: LockLabel })

const OperatorBody = t.Object(
  {
    account: {
      ...GivenUuid,
      description: 'Public id of a member, such as one named Home Assistant, whose grants apply',
    },
  },
  { $id: 'OperatorRequest', examples: [{ account: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81' }] },
)

const OperatorAnswer = t.Object(
  {
    account: {
      ...nullable(Uuid),
      description: 'Public id of the operator; null if the broker cannot open the lock',
    },
  },
  { $id: 'Operator', additionalProperties: false },
)

const operatorJson = (account: string | undefined): Static<typeof OperatorAnswer> => ({
  account: account ?? null,
})

const ANSWER = {
  description: 'The operator of the lock',
  schema: OperatorAnswer,
  example: { account: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81' },
}

const UNKNOWN_LOCK = problem(404, 'not_found', NO_SUCH_LOCK)

const read = ({ operators }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/locks/:label/operator',
      access: 'owner',
      tag: 'Locks',
      operationId: 'getLockOperator',
      summary: 'Get the operator of a lock',
      params: LockParams,
      answers: { 200: ANSWER, 404: UNKNOWN_LOCK },
    },
    async ({ params }) => operatorJson(await operators.find(params.label)),
  )

const set = ({ operators }: Dependencies) =>
  endpoint(
    {
      method: 'PUT',
      path: '/v1/locks/:label/operator',
      access: 'owner',
      limits: ['changes'],
      tag: 'Locks',
      operationId: 'setLockOperator',
      summary: 'Let the MQTT broker open a lock',
      description:
        'Each command counts as an attempt of the operator: its grants decide, and it is recorded. Anyone ' +
        'who can publish to the broker can then open what the operator may open.',
      params: LockParams,
      body: OperatorBody,
      answers: {
        200: ANSWER,
        400: invalid(OperatorBody, 'account'),
        404: [UNKNOWN_LOCK, problem(404, 'not_found', NO_SUCH_ACCOUNT)],
        409: [
          problem(409, 'lock_retired', LOCK_RETIRED),
          problem(409, 'member_needed', MEMBERS_ONLY),
        ],
      },
    },
    async ({ caller, params: { label }, body }) => {
      await operators.set(caller, label, body.account.toLowerCase())
      return operatorJson(await operators.find(label))
    },
  )

const remove = ({ operators }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/locks/:label/operator',
      access: 'owner',
      limits: ['changes'],
      tag: 'Locks',
      operationId: 'removeLockOperator',
      summary: 'Stop the MQTT broker from opening a lock',
      params: LockParams,
      answers: {
        200: { ...ANSWER, description: 'The lock has no operator', example: { account: null } },
        404: UNKNOWN_LOCK,
      },
    },
    async ({ caller, params: { label } }) => {
      await operators.remove(caller, label)
      return operatorJson(await operators.find(label))
    },
  )
