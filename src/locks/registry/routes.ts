import { type Account, hasRole, isNewcomer } from '../../domain/account.ts'
import { invalid, problem } from '../../http/answers.ts'
import type { Caller } from '../../http/authorization.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { IfMatchHeaders, VERSION_CHANGED, ifMatch } from '../../http/request/headers/if-match.ts'
import {
  type Controller,
  LOCK_EXAMPLE,
  LockAnswer,
  LockBody,
  LockParams,
  LockUpdate,
  LocksAnswer,
  NOT_SET_UP_MAX,
  type Opening,
  listedLockJson,
  lockJson,
  usedLabelJson,
} from './schema.ts'
import { LABEL_TAKEN, LOCK_RETIRED, type Locks, NO_SUCH_LOCK, TOO_MANY_LOCKS } from './service.ts'

type Dependencies = {
  readonly locks: Locks
  readonly mayOpen: MayOpen
  readonly usedLabels: UsedLabels
  /** Returns a function that tells whether a lock with a driver or controllers can be reached now, by its id. */
  readonly reach: () => Promise<(lockId: string) => Controller>
}

/** Returns whether the caller may open each of these locks now, by label and in order; undefined for one that is
 * gone. */
type MayOpen = (
  caller: Caller & { readonly account: Account },
  labels: readonly string[],
) => Promise<readonly (Opening | undefined)[]>

/** Returns up to `limit` labels of unlocks other than these, most recently used first, and when each was last
 * used. */
export type UsedLabels = (
  known: readonly string[],
  limit: number,
) => Promise<readonly { readonly label: string; readonly lastAtMs: number }[]>

/** The locks of the home. */
export const lockRoutes = (deps: Dependencies): readonly Endpoint[] => [
  list(deps),
  add(deps),
  change(deps),
]

const ANSWER = { description: 'The lock', schema: LockAnswer, example: LOCK_EXAMPLE }

const list = ({ locks, mayOpen, usedLabels, reach }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/locks',
      access: 'member',
      tag: 'Locks',
      operationId: 'listLocks',
      summary: 'List the locks, and whether you may open each now',
      description:
        'Sorted by name. Admins also get retired locks, and labels of unlocks that have no lock. An ' +
        'account that waits to be let in sees none.',
      answers: {
        200: {
          description: 'The locks',
          schema: LocksAnswer,
          example: {
            locks: [{ ...LOCK_EXAMPLE, may_open: true, reason: null, next_at: null }],
            not_set_up: [{ label: 'back-door', last_at: '2026-11-22T18:30:02.125Z' }],
          },
        },
      },
    },
    async ({ caller, account }) => {
      if (isNewcomer(account)) return { locks: [] }
      const isAdmin = hasRole(account, 'admin')
      const all = await locks.all()
      const shown = isAdmin ? all : all.filter(({ state }) => state !== 'retired')
      const openings = await mayOpen(
        { ...caller, account },
        shown.map(({ label }) => label),
      )
      const controllerOf = await reach()
      const listed = shown.flatMap((lock, at) => {
        const opening = openings[at]
        return opening ? [listedLockJson({ ...lock, ...opening }, controllerOf(lock.id))] : []
      })
      if (!isAdmin) return { locks: listed }
      const known = all.map(({ label }) => label)
      return {
        locks: listed,
        not_set_up: (await usedLabels(known, NOT_SET_UP_MAX)).map(usedLabelJson),
      }
    },
  )

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
      description:
        'Unless `open_to` is `members`, nobody may open it until a grant covers it. Grants for all locks ' +
        'cover it at once.',
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
    async ({ caller, body: { open_to: openTo, ...lock } }) =>
      lockJson(await locks.add(caller, lock, openTo || 'nobody')),
  )

const change = ({ locks, reach }: Dependencies) =>
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
      const changed = await locks.change(caller, label, { ...body, version: ifMatch(request) })
      return lockJson(changed, (await reach())(changed.id))
    },
  )
