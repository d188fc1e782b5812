import { MINUTE_MS } from '../../domain/duration.ts'
import type { OpenWindows } from '../../domain/limits/windows.ts'
import { visibleText } from '../../domain/text/folded-text.ts'
import { isReadable } from '../../domain/text/readable-text.ts'
import { invalid, message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { RateLimitError } from '../../http/errors.ts'
import { qrSvg } from '../../http/page/qr.ts'
import { acceptedBy, notAccepted } from '../../http/request/accepted.ts'
import { clientKey } from '../../http/request/client-address.ts'
import { bytesOf } from '../core/controller.ts'
import {
  CODE_ANSWER_EXAMPLE,
  CONTROLLER_EXAMPLE,
  CodeAnswer,
  ControllerParams,
  ControllersAnswer,
  ENROLLED_EXAMPLE,
  EnrolBody,
  EnrolledAnswer,
  type ListedController,
  LockParams,
  PasswordBody,
  controllerJson,
  enrolledJson,
} from './schema.ts'
import {
  DRIVER_SET,
  type Enrolment,
  KEY_REFUSED,
  LOCK_RETIRED,
  NO_SUCH_CONTROLLER,
  NO_SUCH_LOCK,
  TOO_MANY,
  WRONG_CODE,
} from './service.ts'

type Dependencies = {
  readonly enrolment: Enrolment
  /** Returns the controllers of a lock by its label, or all, with those that were removed. Throws `not_found`. */
  readonly listed: (label?: string) => Promise<readonly ListedController[]>
  /** Returns the command that enrols a controller. */
  readonly commandFor: (code: string) => string
  /** False if tries of codes are not limited. */
  readonly isLimited: boolean
  readonly openWindows: OpenWindows
  readonly nowMs: () => number
}

/** Controllers of locks. */
export const enrolmentRoutes = (deps: Dependencies): readonly Endpoint[] => [
  makeCode(deps),
  listOfLock(deps),
  list(deps),
  remove(deps),
  enrol(deps),
]

const WRONG_PASSWORD = problem(403, 'wrong_password', 'Wrong password')
const UNKNOWN_LOCK = problem(404, 'not_found', NO_SUCH_LOCK)
const LISTED = {
  description: 'The controllers',
  schema: ControllersAnswer,
  example: { controllers: [CONTROLLER_EXAMPLE] },
}
const REMOVED_TOO =
  'Removed controllers come last; they stay in the list because log entries name them.'
const NO_ROOM = [
  problem(409, 'driver_set', DRIVER_SET),
  problem(409, 'too_many_controllers', TOO_MANY),
  problem(409, 'lock_retired', LOCK_RETIRED),
] as const

const makeCode = ({ enrolment, commandFor }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/locks/:label/controllers',
      access: 'owner',
      limits: ['auth', 'changes'],
      tag: 'Controllers',
      operationId: 'createControllerCode',
      summary: 'Create a code that enrols a controller at a lock',
      description:
        'Requires your password. The code is valid for 30 minutes and enrols one controller. From then on, the ' +
        'controller opens the lock for each permitted attempt.',
      params: LockParams,
      body: PasswordBody,
      answers: {
        200: { description: 'The code', schema: CodeAnswer, example: CODE_ANSWER_EXAMPLE },
        400: invalid(PasswordBody, 'password'),
        403: WRONG_PASSWORD,
        404: UNKNOWN_LOCK,
        409: NO_ROOM,
      },
    },
    async ({ caller, account, params, body }) => {
      const by = { ...caller, account }
      const { code, expiresAtMs } = await enrolment.makeCode(by, params.label, body.password)
      const command = commandFor(code)
      const expiresAt = new Date(expiresAtMs).toISOString()
      return { code, expires_at: expiresAt, qr_svg: qrSvg(command), command }
    },
  )

const listOfLock = ({ listed }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/locks/:label/controllers',
      access: 'admin',
      tag: 'Controllers',
      operationId: 'listLockControllers',
      summary: 'List the controllers of a lock',
      description: REMOVED_TOO,
      params: LockParams,
      answers: { 200: LISTED, 404: UNKNOWN_LOCK },
    },
    async ({ params }) => ({ controllers: (await listed(params.label)).map(controllerJson) }),
  )

const list = ({ listed }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/controllers',
      access: 'admin',
      tag: 'Controllers',
      operationId: 'listControllers',
      summary: 'List the controllers of all locks',
      description: REMOVED_TOO,
      answers: { 200: LISTED },
    },
    async () => ({ controllers: (await listed()).map(controllerJson) }),
  )

const remove = ({ enrolment }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/controllers/:id',
      access: 'owner',
      limits: ['auth', 'changes'],
      tag: 'Controllers',
      operationId: 'removeController',
      summary: 'Remove a controller',
      description:
        'Requires your password. Its token stops working at once, and it gets no more commands. Its reports stay.',
      params: ControllerParams,
      body: PasswordBody,
      answers: {
        200: message('The controller is removed', 'Controller removed'),
        400: invalid(PasswordBody, 'password'),
        403: WRONG_PASSWORD,
        404: problem(404, 'not_found', NO_SUCH_CONTROLLER),
      },
    },
    async ({ caller, account, params, body }) => {
      await enrolment.remove({ ...caller, account }, params.id.toLowerCase(), body.password)
      return { msg: 'Controller removed' }
    },
  )

/** Codes that a client may try in a minute. */
const TRIES_MAX = 10

const enrol = ({ enrolment, isLimited, nowMs, openWindows }: Dependencies) => {
  const tries = openWindows('controller codes')
  const requireTry = (address: string): void => {
    if (!isLimited) return
    const { count, endMs } = tries.add(clientKey(address), 1, MINUTE_MS)
    if (count > TRIES_MAX)
      throw new RateLimitError(
        endMs - tries.nowMs(),
        `A client may try ${TRIES_MAX} codes a minute`,
      )
  }
  return endpoint(
    {
      method: 'POST',
      path: '/v1/controller/enrol',
      access: 'public',
      tag: 'Controllers',
      operationId: 'enrolController',
      summary: 'Enrol a controller',
      description:
        'For controllers, with a one-time code. A removed controller may enrol again with the same ' +
        `key. Each client may try ${TRIES_MAX} codes a minute.`,
      body: EnrolBody,
      answers: {
        200: {
          description: 'The controller, its token, and the key that signs its commands',
          schema: EnrolledAnswer,
          example: ENROLLED_EXAMPLE,
        },
        400: invalid(EnrolBody, 'public_key'),
        404: problem(404, 'no_such_code', WRONG_CODE),
        409: [problem(409, 'key_refused', KEY_REFUSED), ...NO_ROOM],
      },
    },
    async ({ caller, body }) => {
      const publicKey = bytesOf(body.public_key)
      const proof = bytesOf(body.proof)
      if (!publicKey || !proof)
        throw notAccepted({
          [publicKey ? 'proof' : 'public_key']: acceptedBy(
            EnrolBody.properties[publicKey ? 'proof' : 'public_key'],
          ),
        })
      if (visibleText(body.name).trim() === '' || !isReadable(body.name))
        throw notAccepted({ name: 'readable text' })
      requireTry(caller.address)
      const { code, name } = body
      const enrolled = await enrolment.enrol(caller, { code, name, publicKey, proof })
      return enrolledJson({ ...enrolled, nowMs: nowMs() })
    },
  )
}
