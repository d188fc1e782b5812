import { AppError } from '../../errors.ts'
import type { Rule } from '../../domain/home-event.ts'
import { invalid, message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { IfMatchHeaders, VERSION_CHANGED, ifMatch } from '../../http/request/headers/if-match.ts'
import { ELSEWHERE } from './accepted.ts'
import { deliveryJson, targetJson } from './json.ts'
import {
  DeliveriesAnswer,
  DeliveriesQuery,
  ReplayAnswer,
  ReplayBody,
  SecretBody,
  TARGET_EXAMPLE,
  TargetAnswer,
  TargetBody,
  TargetParams,
  TargetUpdate,
  TargetsAnswer,
  TestAnswer,
} from './schema.ts'
import {
  NO_CHANNEL,
  NO_SECRET,
  NO_SUCH_TARGET,
  OWN,
  OWNERS_ONLY,
  TOO_MANY,
  type Targets,
} from './service.ts'

type Dependencies = {
  readonly targets: Targets
  /** Describes the settings and secrets of each kind. */
  readonly kindWords: string
}

/** Targets, and their deliveries. */
export const targetRoutes = (deps: Dependencies): readonly Endpoint[] => [
  list(deps),
  add(deps),
  read(deps),
  change(deps),
  remove(deps),
  test(deps),
  rotate(deps),
  listDeliveries(deps),
  replay(deps),
]

const WHO = 'Owners see the targets of the home; everyone sees their own. '

const NOT_FOUND = { 404: problem(404, 'not_found', NO_SUCH_TARGET) }
const WRONG_PASSWORD = problem(403, 'wrong_password', 'Wrong password')
const KIND_OFF = problem(409, 'kind_off', NO_CHANNEL)
const SECRET_EXAMPLE = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo='

const ANSWER = { description: 'The target', schema: TargetAnswer, example: TARGET_EXAMPLE }

const list = ({ targets }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/targets',
      access: 'member',
      tag: 'Targets',
      operationId: 'listTargets',
      summary: 'List targets',
      description: `${WHO}Secrets are never returned.`,
      answers: {
        200: {
          description: 'The targets, oldest first',
          schema: TargetsAnswer,
          example: {
            targets: [TARGET_EXAMPLE],
            kinds: { home: ['webhook'], personal: [] },
          },
        },
      },
    },
    async ({ caller, account }) => {
      const by = { ...caller, account }
      return { targets: (await targets.all(by)).map(targetJson), kinds: targets.kindsFor(by) }
    },
  )

const add = ({ targets, kindWords }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/targets',
      access: 'member',
      limits: ['auth', 'changes'],
      tag: 'Targets',
      operationId: 'addTarget',
      summary: 'Add a target',
      description:
        `Requires your password. Kinds: ${kindWords}. Without \`rules\`, the target receives every unlock and ` +
        'denial. Owners can add up to 20 targets for the home. A target of your own receives only your ' +
        'own events; a member’s must use an address that a target of the home already uses. If the ' +
        'server creates a secret, only this response contains it.',
      body: TargetBody,
      answers: {
        200: { ...ANSWER, example: { ...TARGET_EXAMPLE, last: null, secret: SECRET_EXAMPLE } },
        400: invalid(TargetBody, 'name'),
        403: [
          WRONG_PASSWORD,
          problem(403, 'forbidden', OWNERS_ONLY),
          problem(403, 'destination_unknown', ELSEWHERE),
        ],
        409: [problem(409, 'too_many_targets', TOO_MANY), KIND_OFF],
      },
    },
    async ({ caller, account, body }) => {
      const { rules, settings, secrets, ...rest } = body
      const added = await targets.add(
        { ...caller, account },
        { ...rest, settings, ...(secrets ? { secrets } : {}), rules: rules && rulesOf(rules) },
      )
      return withSecret(targetJson(added), added.secret)
    },
  )

const read = ({ targets }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/targets/:id',
      access: 'member',
      tag: 'Targets',
      operationId: 'getTarget',
      summary: 'Get a target and its state',
      description: WHO.trim(),
      params: TargetParams,
      answers: { 200: ANSWER, ...NOT_FOUND },
    },
    async ({ caller, account, params }) =>
      targetJson(await targets.find({ ...caller, account }, params.id)),
  )

const change = ({ targets }: Dependencies) =>
  endpoint(
    {
      method: 'PATCH',
      path: '/v1/targets/:id',
      access: 'member',
      limits: ['auth', 'changes'],
      tag: 'Targets',
      operationId: 'updateTarget',
      summary: 'Change, disable or enable a target',
      description:
        'Requires your password if `settings` or `secrets` change. Events that happen while a target ' +
        'is disabled are not sent later; those that were already waiting are.',
      params: TargetParams,
      headers: IfMatchHeaders,
      body: TargetUpdate,
      answers: {
        200: { ...ANSWER, description: 'The target after the change' },
        400: invalid(TargetUpdate, 'name'),
        403: WRONG_PASSWORD,
        ...NOT_FOUND,
        412: VERSION_CHANGED,
      },
    },
    async ({ request, caller, account, params, body }) => {
      const { rules, ...rest } = body
      const by = { ...caller, account }
      const changed = { ...rest, rules: rules && rulesOf(rules), version: ifMatch(request) }
      return targetJson(await targets.change(by, params.id, changed))
    },
  )

const remove = ({ targets }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/targets/:id',
      access: 'member',
      limits: ['changes'],
      tag: 'Targets',
      operationId: 'removeTarget',
      summary: 'Remove a target and its waiting deliveries',
      params: TargetParams,
      headers: IfMatchHeaders,
      answers: {
        200: message('The target is removed', 'Target removed'),
        ...NOT_FOUND,
        409: problem(409, 'server_target', OWN),
        412: VERSION_CHANGED,
      },
    },
    async ({ request, caller, account, params }) => {
      await targets.remove({ ...caller, account }, params.id, ifMatch(request))
      return { msg: 'Target removed' }
    },
  )

const test = ({ targets }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/targets/:id/test',
      access: 'member',
      limits: ['changes'],
      tag: 'Targets',
      operationId: 'testTarget',
      summary: 'Send a test message to a target',
      description: 'Returns the result, within 15 seconds.',
      params: TargetParams,
      answers: {
        200: {
          description: 'The result',
          schema: TestAnswer,
          example: { state: 'delivered', status: 204, answer: '' },
        },
        ...NOT_FOUND,
        409: KIND_OFF,
      },
    },
    async ({ caller, account, params, signal }) => {
      const result = await targets.test({ ...caller, account }, params.id, signal)
      return {
        state: result.status === 'delivered' ? 'delivered' : 'failed',
        status: result.code ?? null,
        answer: result.answer?.slice(0, ANSWER_CHARACTERS_MAX).toWellFormed() ?? null,
      } as const
    },
  )

const ANSWER_CHARACTERS_MAX = 200

const rotate = ({ targets }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/targets/:id/secret',
      access: 'member',
      limits: ['auth', 'changes'],
      tag: 'Targets',
      operationId: 'rotateTargetSecret',
      summary: 'Give a target a new secret',
      description:
        'Only this response contains the new secret. For 24 hours, messages are signed with both the ' +
        'new and the previous secret.',
      params: TargetParams,
      body: SecretBody,
      answers: {
        200: { ...ANSWER, example: { ...TARGET_EXAMPLE, version: 2, secret: SECRET_EXAMPLE } },
        400: invalid(SecretBody, 'password'),
        403: WRONG_PASSWORD,
        ...NOT_FOUND,
        409: problem(409, 'no_secret', NO_SECRET),
      },
    },
    async ({ caller, account, params, body }) => {
      const rotated = await targets.rotate({ ...caller, account }, params.id, body.password)
      return withSecret(targetJson(rotated), rotated.secret)
    },
  )

const listDeliveries = ({ targets }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/targets/:id/deliveries',
      access: 'member',
      tag: 'Targets',
      operationId: 'listDeliveries',
      summary: 'List the deliveries of a target',
      description:
        'Newest first, including those that are waiting. Settled deliveries are kept for 30 days, 10,000 at most.',
      params: TargetParams,
      query: DeliveriesQuery,
      answers: {
        200: {
          description: 'A page',
          schema: DeliveriesAnswer,
          example: {
            deliveries: [
              {
                id: 7,
                event: 'unlocked',
                seq: 4711,
                state: 'waiting',
                attempts: 1,
                created_at: '2026-11-28T15:00:00.000Z',
                due_at: '2026-11-28T15:00:05.000Z',
                settled_at: null,
                status: 503,
                answer: 'starting',
              },
            ],
            next: null,
          },
        },
        400: invalid(DeliveriesQuery, 'limit'),
        ...NOT_FOUND,
      },
    },
    async ({ caller, account, params, query: { before, limit = 50 } }) => {
      const by = { ...caller, account }
      const page = { limit, ...(before === undefined ? {} : { before }) }
      const { deliveries, showsAnswers } = await targets.deliveries(by, params.id, page)
      return {
        deliveries: deliveries.map((delivery) => deliveryJson(delivery, showsAnswers)),
        next: deliveries.length < limit ? null : (deliveries.at(-1)?.id ?? null),
      }
    },
  )

const replay = ({ targets }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/targets/:id/replay',
      access: 'member',
      limits: ['changes'],
      tag: 'Targets',
      operationId: 'replayDeliveries',
      summary: 'Replay deliveries',
      description:
        'Sends one delivery again, or all unlocks and denials from a sequence number on, including ' +
        'those that were dropped. Each has the same message id as before.',
      params: TargetParams,
      body: ReplayBody,
      answers: {
        200: {
          description: 'The number of deliveries',
          schema: ReplayAnswer,
          example: { replayed: 1 },
        },
        400: problem(400, 'invalid', ONE_OF),
        ...NOT_FOUND,
      },
    },
    async ({ caller, account, params, body: { delivery, since_seq: sinceSeq } }) => {
      const by = { ...caller, account }
      if (delivery !== undefined && sinceSeq === undefined)
        return { replayed: await targets.replay(by, params.id, { delivery }) }
      if (sinceSeq !== undefined && delivery === undefined)
        return { replayed: await targets.replay(by, params.id, { sinceSeq }) }
      throw new AppError('invalid', ONE_OF)
    },
  )

const ONE_OF = 'Send either delivery or since_seq'

type GivenRule = Omit<Rule, 'hours'> & {
  readonly hours?: Rule['hours'] | undefined
  readonly says?: string | undefined
}

/** Ids are stored in lower case, and words are not stored. */
const rulesOf = (rules: readonly GivenRule[]): readonly Rule[] =>
  rules.map((given) => {
    const { people, says: _, ...rule } = given
    return {
      ...(rule as Rule),
      ...(people ? { people: people.map((id) => id.toLowerCase()) } : {}),
    }
  })

const withSecret = <Target extends object>(target: Target, secret: string | undefined) =>
  secret === undefined ? target : { ...target, secret }
