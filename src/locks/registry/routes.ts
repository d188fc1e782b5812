import { invalid, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { IfMatchHeaders, VERSION_CHANGED, ifMatch } from '../../http/request/headers/if-match.ts'
import { LOCK_EXAMPLE, LockAnswer, LockBody, LockParams, LockUpdate, lockJson } from './schema.ts'
import { LABEL_TAKEN, LOCK_RETIRED, type Locks, NO_SUCH_LOCK, TOO_MANY_LOCKS } from './service.ts'

type Dependencies = { readonly locks: Locks }

/** The locks of the home. */
export const lockRoutes = (deps: Dependencies): readonly Endpoint[] => [add(deps), change(deps)]

const ANSWER = { description: 'The lock', schema: LockAnswer, example: LOCK_EXAMPLE }

const add = ({ locks }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/locks',
      access: 'admin',
      limits: ['changes'],
      tag: 'Locks',
      operationId: 'addLock',
      summary: 'Add a lock',
      description: 'Nobody may open it until somebody grants it, except by a grant for all locks.',
      body: LockBody,
      answers: {
        200: ANSWER,
        400: invalid(LockBody, 'label'),
        409: [
          problem(409, 'label_taken', LABEL_TAKEN),
          problem(409, 'too_many_locks', TOO_MANY_LOCKS),
        ],
      },
    },
    async ({ caller, body }) => lockJson(await locks.add(caller, body)),
  )

const change = ({ locks }: Dependencies) =>
  endpoint(
    {
      method: 'PATCH',
      path: '/v1/locks/:label',
      access: 'admin',
      limits: ['changes'],
      tag: 'Locks',
      operationId: 'updateLock',
      summary: 'Rename a lock, disable it, enable it again, or retire it',
      description: 'A retired lock stays retired, and its unlocks stay in the log.',
      params: LockParams,
      headers: IfMatchHeaders,
      body: LockUpdate,
      answers: {
        200: { ...ANSWER, description: 'The lock after the change' },
        400: invalid(LockUpdate, 'state'),
        404: problem(404, 'not_found', NO_SUCH_LOCK),
        409: problem(409, 'lock_retired', LOCK_RETIRED),
        412: VERSION_CHANGED,
      },
    },
    async ({ request, caller, params, body }) => {
      const { label } = await locks.find(params.label)
      return lockJson(await locks.change(caller, label, { ...body, version: ifMatch(request) }))
    },
  )
