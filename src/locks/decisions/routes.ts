import { invalid, problem } from '../../http/answers.ts'
import { signedIn } from '../../http/authorization.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { acceptedBy, notAccepted } from '../../http/request/accepted.ts'
import { timeMs } from '../../http/request/text.ts'
import type { Account } from '../../domain/account.ts'
import type { AccessService } from './access.ts'
import type { GuestAccess } from './guest-access.ts'
import {
  ACCESS_EXAMPLE,
  ATTEMPT_EXAMPLE,
  AccessAnswer,
  AccessQuery,
  AttemptAnswer,
  AttemptBody,
  AttemptParams,
  DECISION_EXAMPLE,
  DENIED_EXAMPLE,
  DecisionAnswer,
  ID_TAKEN,
  LockParams,
  NO_SUCH_ATTEMPT,
  NO_SUCH_LOCK,
  ONLY_ADMINS,
  USE_YOUR_KEY,
  accessJson,
} from './schema.ts'
import type { AttemptService } from './service.ts'

type Dependencies = {
  readonly attempts: AttemptService
  readonly access: AccessService
  readonly guests: Pick<GuestAccess, 'explain'>
  /** Throws if the account has no room for another unlock; called before the body is read. */
  readonly requireRoom: (account: Account) => void
  /** Records that someone whose session or account has ended tried to open a lock. `findLock` returns its label if
   * there is such a lock: nobody refused puts others into the log. */
  readonly recordRefused: (
    request: Request,
    findLock: () => Promise<string | undefined>,
  ) => Promise<void>
}

/** Opening locks, and who may open them. */
export const decisionRoutes = (deps: Dependencies): readonly Endpoint[] => [
  unlock(deps),
  readAttempt(deps),
  explainAccess(deps),
]

const UNKNOWN_LOCK = problem(404, 'not_found', NO_SUCH_LOCK)

const unlock = ({ attempts, requireRoom, recordRefused }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/locks/:label/unlock',
      access: 'member',
      scope: 'locks:operate',
      limits: ['unlock'],
      tag: 'Locks',
      operationId: 'unlock',
      summary: 'Ask to open a lock',
      description:
        'Decides, and records the decision in the unlock log in the same commit. A denial also ' +
        'answers 200. Equal denials within a session are recorded once a minute. Each session may ' +
        'make ten attempts a minute. Further attempts of a session at the same lock within 120 ' +
        'seconds of a counted use belong to that use.',
      params: LockParams,
      body: AttemptBody,
      checksDisk: true,
      guard: ({ caller }) => requireRoom(signedIn(caller.account)),
      onAnonymous: ({ request }) =>
        recordRefused(request, () => attempts.findLabel(labelIn(request))),
      answers: {
        200: {
          description: 'Decided',
          schema: DecisionAnswer,
          examples: { permitted: DECISION_EXAMPLE, denied: DENIED_EXAMPLE },
        },
        400: invalid(AttemptBody, 'id'),
        404: UNKNOWN_LOCK,
        409: problem(409, 'id_taken', ID_TAKEN),
        503: problem(503, 'unavailable', USE_YOUR_KEY),
      },
    },
    ({ params, body, caller, account }) =>
      attempts.decide({ caller, account, label: params.label, id: body.id.toLowerCase() }),
  )

/** Returns the label in the path of a request. */
const labelIn = ({ url }: Request): string =>
  decodeURIComponent(new URL(url).pathname.split('/').at(-2) ?? '')

const readAttempt = ({ attempts }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/locks/:label/attempts/:id',
      access: 'member',
      scope: 'locks:operate',
      tag: 'Locks',
      operationId: 'getAttempt',
      summary: 'Get the decision on an attempt',
      description: 'For the person who asked, and admins. Attempts are kept for 30 days.',
      params: AttemptParams,
      answers: {
        200: { description: 'The attempt', schema: AttemptAnswer, example: ATTEMPT_EXAMPLE },
        404: problem(404, 'not_found', NO_SUCH_ATTEMPT),
      },
    },
    ({ params, account }) =>
      attempts.find({ account, label: params.label, id: params.id.toLowerCase() }),
  )

const explainAccess = ({ access, guests }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/locks/:label/access',
      access: 'member',
      tag: 'Locks',
      operationId: 'explainAccess',
      summary: 'Explain whether somebody may open a lock, and why',
      description:
        'Says for each grant whether it opens the lock at a time and, if not, what stops it. Admins ' +
        'may ask about anyone, members about themselves and their guests. Uses the current grants, uses, lock and ' +
        'account. Records nothing.',
      params: LockParams,
      query: AccessQuery,
      answers: {
        200: { description: 'The explanation', schema: AccessAnswer, example: ACCESS_EXAMPLE },
        400: invalid(AccessQuery, 'holder'),
        403: problem(403, 'forbidden', ONLY_ADMINS),
        404: UNKNOWN_LOCK,
      },
    },
    async ({ params: { label }, query, account, caller }) => {
      const holder = query.holder?.toLowerCase() ?? `account:${account.publicId}`
      const atMs = atOf(query.at)
      const [kind, passId = ''] = holder.split(':')
      return accessJson(
        kind === 'pass'
          ? await guests.explain(account, { passId, label, atMs })
          : await access.explain({ by: { ...caller, account }, label, holder, atMs }),
      )
    },
  )

const atOf = (at: string | undefined): number | undefined => {
  const ms = at === undefined ? undefined : timeMs(at)
  if (at !== undefined && ms === undefined)
    throw notAccepted({ at: acceptedBy(AccessQuery.properties.at) })
  return ms
}
