import { problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import type { Authentication } from '../login/service.ts'
import { WEAK_PASSWORD } from '../passwords/policy.ts'
import { type BrowserSessions, COOKIE_ANSWER } from '../sessions/browser-session.ts'
import { TOKEN_EXAMPLE, TokenAnswer, tokenAnswer } from '../sessions/schema.ts'
import { type FirstOwner, SETUP_CODE_MINUTES } from './first-owner.ts'
import { SetupAnswer, SetupBody } from './schema.ts'

type Dependencies = {
  readonly firstOwner: Pick<FirstOwner, 'isNeeded' | 'bootstrapOwner'>
  readonly trustClient: Authentication['trustClient']
  readonly browserSessions: BrowserSessions
  readonly tokenLifetimeMs: number
}

/** Creating the first owner. Guesses at the setup code count like guesses at a password. */
export const firstOwnerRoutes = (deps: Dependencies): readonly Endpoint[] => [
  read(deps),
  bootstrap(deps),
  bootstrapInBrowser(deps),
]

const OWNER_EXISTS = problem(409, 'owner_exists', 'There is already an owner')
const BUSY = problem(503, 'unavailable', 'Server busy, try again')

const read = ({ firstOwner }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/setup',
      access: 'public',
      checksDisk: true,
      tag: 'Accounts',
      operationId: 'getSetup',
      summary: 'Check whether an owner is needed',
      answers: {
        200: {
          description: '`needed` is true until there is an owner',
          schema: SetupAnswer,
          example: { needed: false },
        },
      },
    },
    async () => ({ needed: await firstOwner.isNeeded() }),
  )

const bootstrap = ({ firstOwner, trustClient, tokenLifetimeMs }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/setup',
      access: 'public',
      limits: ['auth'],
      tag: 'Accounts',
      operationId: 'createFirstOwner',
      summary: 'Create the first owner',
      description:
        'Takes the setup code that the server prints when it starts without an owner. The code works ' +
        `once, for ${SETUP_CODE_MINUTES} minutes; restart the server for another. Case, hyphens and ` +
        'spaces do not matter.',
      body: SetupBody,
      answers: {
        200: {
          description: 'The owner, logged in',
          schema: TokenAnswer,
          example: TOKEN_EXAMPLE,
        },
        400: WEAK_PASSWORD,
        403: problem(
          403,
          'setup_code_expired',
          'The code has expired (`setup_code_expired`) or is wrong (`setup_code_wrong`)',
        ),
        409: OWNER_EXISTS,
        503: BUSY,
      },
    },
    async ({ caller, body }) => {
      const tokens = await firstOwner.bootstrapOwner({ ...NO_DETAILS, ...body }, caller)
      await trustClient(body.username, caller)
      return tokenAnswer(tokens, tokenLifetimeMs)
    },
  )

const bootstrapInBrowser = ({ firstOwner, browserSessions }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/setup/cookie',
      access: 'public',
      checksDisk: true,
      limits: ['auth'],
      tag: 'Accounts',
      operationId: 'createFirstOwnerInBrowser',
      summary: 'Create the first owner and log in this browser',
      description: 'Like `POST /v1/setup`, with the tokens in cookies instead of the answer.',
      body: SetupBody,
      answers: {
        200: COOKIE_ANSWER,
        400: WEAK_PASSWORD,
        403: problem(
          403,
          'setup_code_expired',
          'The code has expired (`setup_code_expired`) or is wrong (`setup_code_wrong`), or the ' +
            'request does not come from a page of this gateway (`foreign_origin`)',
        ),
        409: OWNER_EXISTS,
        503: BUSY,
      },
      guard: ({ request }) => browserSessions.requireSameOrigin(request),
    },
    async ({ request, caller, set, body }) => {
      const tokens = await firstOwner.bootstrapOwner({ ...NO_DETAILS, ...body }, caller)
      return browserSessions.store({ request, set }, tokens)
    },
  )

/** An owner may leave these out. */
const NO_DETAILS = { phone: '', address: '' }
