import { SECOND_MS } from '../../domain/duration.ts'
import { invalid, problem } from '../../http/answers.ts'
import { credentials } from '../../http/authorization.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { tokenError } from '../../http/errors.ts'
import { acceptedBy, notAccepted } from '../../http/request/accepted.ts'
import { clientKey } from '../../http/request/client-address.ts'
import { oncePerRequest } from '../../http/request/once-per-request.ts'
import { AppError } from '../../errors.ts'
import { type Controller, bytesOf } from '../core/controller.ts'
import { BAD_STATEMENT, FORKED, type Reports } from '../reports/service.ts'
import type { Polls } from './polls.ts'
import {
  POLL_EXAMPLE,
  PollAnswerSchema,
  PollQuery,
  ReceivedAnswer,
  ReportsBody,
  STATEMENTS_MAX,
  WAIT_SECONDS_DEFAULT,
  nonceOf,
  pollJson,
  receivedJson,
} from './schema.ts'

type Dependencies = {
  readonly polls: Pick<Polls, 'poll'>
  readonly reports: Pick<Reports, 'receive'>
  /** Returns the controller of a token. */
  readonly authenticate: (token: string) => Promise<Controller | undefined>
}

/** What controllers call. */
export const onlineRoutes = (deps: Dependencies): readonly Endpoint[] => {
  const found = oncePerRequest((request: Request) => {
    const token = credentials(request, 'Bearer')
    return token === undefined ? Promise.resolve(undefined) : deps.authenticate(token)
  })
  const caller: Caller = {
    controllerOf: async (request) => {
      const controller = await found(request)
      if (!controller) throw tokenError()
      return controller
    },
    // Counted for each client: a thief with the token must not use up its limit.
    countsAs: async ({ request, caller: { address } }) => {
      const controller = await found(request)
      return controller && `controller:${controller.id} ${clientKey(address)}`
    },
  }
  return [poll(deps, caller), report(deps, caller)]
}

type Caller = {
  /** Returns the controller that makes a request. Throws 401 for anybody else. */
  readonly controllerOf: (request: Request) => Promise<Controller>
  readonly countsAs: (given: {
    readonly request: Request
    readonly caller: { readonly address: string }
  }) => Promise<string | undefined>
}

/** Bun ends connections that are idle for ten seconds. */
const IDLE_SECONDS = 40

const NOT_TRUSTED = problem(409, 'forked', FORKED)

const poll = ({ polls }: Dependencies, { controllerOf, countsAs }: Caller) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/controller/commands',
      access: 'controller',
      countsAs,
      guard: async ({ request }) => void (await controllerOf(request)),
      waits: true,
      tag: 'Controllers',
      operationId: 'pollCommands',
      summary: 'Wait for commands',
      description:
        'For controllers, with their own token. Returns as soon as there is a command, a new door key or a request ' +
        'for missing reports; 204 after `wait` seconds without any. A newer poll from the same address ends an older ' +
        'one with 204. Each poll repeats a command, signed for its nonce, until the controller has reported on the ' +
        'attempt, or ten seconds have passed since the decision.',
      query: PollQuery,
      answers: {
        200: { description: 'What to do', schema: PollAnswerSchema, example: POLL_EXAMPLE },
        204: { description: 'Nothing to do: poll again' },
        400: invalid(PollQuery, 'nonce'),
        409: NOT_TRUSTED,
      },
    },
    async ({ request, caller, query, server, signal }) => {
      const controller = await controllerOf(request)
      if (controller.forkedAtMs !== null)
        throw new AppError('conflict', FORKED, { reason: 'forked' })
      server?.timeout(request, IDLE_SECONDS)
      const answer = await polls.poll(controller, {
        nonce: nonceOf(query),
        client: clientKey(caller.address),
        waitMs: (query.wait ?? WAIT_SECONDS_DEFAULT) * SECOND_MS,
        doorKey: query.door_key,
        signal,
      })
      return answer ? pollJson(answer) : new Response(null, { status: 204 })
    },
  )

const report = ({ reports }: Dependencies, { controllerOf, countsAs }: Caller) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/controller/reports',
      access: 'controller',
      checksDisk: true,
      countsAs,
      guard: async ({ request }) => void (await controllerOf(request)),
      tag: 'Controllers',
      operationId: 'reportToGateway',
      summary: 'Report what happened at the lock',
      description:
        `For controllers, with their own token. Up to ${STATEMENTS_MAX} reports, which are stored together or not at ` +
        'all; repeats are fine. Send reports until `through` covers them, ' +
        'and send those that `missing` names again. Two different reports with the same counter show that the key was ' +
        'copied: the controller is then no longer trusted.',
      body: ReportsBody,
      answers: {
        200: {
          description: 'What the gateway has',
          schema: ReceivedAnswer,
          example: { through: 4711, missing: [[17, 19]] },
        },
        400: [invalid(ReportsBody, 'statements'), problem(400, 'bad_statement', BAD_STATEMENT)],
        409: NOT_TRUSTED,
      },
    },
    async ({ request, body }) => {
      const controller = await controllerOf(request)
      const statements = body.statements.map((text) => {
        const bytes = bytesOf(text)
        if (!bytes) throw notAccepted({ statements: acceptedBy(ReportsBody.properties.statements) })
        return bytes
      })
      return receivedJson(await reports.receive(controller, statements))
    },
  )
