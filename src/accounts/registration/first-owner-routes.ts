import { Type as t } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Endpoints } from '../../http/router.ts'
import type { ReadBody } from '../../http/request/json-body.ts'
import { problem } from '../../http/answers.ts'
import { operation } from '../../http/endpoint.ts'
import type { Authentication } from '../login/service.ts'
import { SetupBody } from '../core/schema.ts'
import { TOKEN_EXAMPLE, TokenAnswer, tokenAnswer } from '../sessions/schema.ts'
import { SETUP_CODE_MINUTES, type FirstOwner } from './first-owner.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly accounts: Pick<Authentication, 'trustClient'>
  readonly setup: Pick<FirstOwner, 'isNeeded' | 'bootstrapOwner'>
  readonly tokenLifetimeMs: number
}

/** Making the first owner; guesses at the code count as guesses at a password do. */
export const setupRoutes = (deps: Dependencies) => {
  const { endpoints, readBody, accounts, setup, tokenLifetimeMs } = deps
  return new Elysia()
    .use(
      endpoints
        .group('default')
        .get('/v1/setup', async () => ({ needed: await setup.isNeeded() }), STATE),
    )
    .use(
      endpoints.group('auth').post(
        '/v1/setup',
        async ({ request, caller }) => {
          const { phone = '', address = '', ...owner } = await readBody(request, SetupBody)
          const tokens = await setup.bootstrapOwner({ ...owner, phone, address }, caller)
          await accounts.trustClient(owner.username, caller)
          return tokenAnswer(tokens, tokenLifetimeMs)
        },
        BOOTSTRAP_OWNER,
      ),
    )
}

const STATE = operation({
  access: 'public',
  tag: 'Accounts',
  summary: 'Is there no owner yet?',
  answers: {
    200: {
      description: '`needed` until there is an owner',
      schema: t.Object({ needed: t.Boolean() }, { additionalProperties: false }),
      example: { needed: false },
    },
  },
})

const BOOTSTRAP_OWNER = operation({
  access: 'public',
  tag: 'Accounts',
  summary: 'Make the first owner',
  description:
    'Takes the code that the service prints when it starts without an owner. It is good for ' +
    `${SETUP_CODE_MINUTES} minutes, and once; a restart ` +
    'gives another. Case, hyphens and spaces in it do not matter.',
  body: SetupBody,
  answers: {
    200: { description: 'The owner, signed in', schema: TokenAnswer, example: TOKEN_EXAMPLE },
    400: problem(400, 'invalid', 'Weak password'),
    403: problem(
      403,
      'setup_code_expired',
      'The code has expired (`setup_code_expired`), or is wrong (`setup_code_wrong`)',
    ),
    409: problem(409, 'owner_exists', 'There is an owner already'),
    503: problem(503, 'unavailable', 'Server busy, try again'),
  },
})
