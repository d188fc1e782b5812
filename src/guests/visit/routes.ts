import type { TSchema } from '@sinclair/typebox'
import { SECOND_MS } from '../../domain/duration.ts'
import { type Answer, invalid, problem } from '../../http/answers.ts'
import { type AnswerHeaders, type Endpoint, endpoint } from '../../http/endpoint.ts'
import { HttpError } from '../../http/errors.ts'
import { oncePerRequest } from '../../http/request/once-per-request.ts'
import type { SessionCookies } from '../../http/request/session-cookie.ts'
import {
  AskedAnswer,
  BindBody,
  GUEST_PASS_EXAMPLE,
  GuestAttemptBody,
  GuestAttemptParams,
  GuestPassAnswer,
  LookBody,
  RekeyBody,
  RekeyedAnswer,
  WAIT_SECONDS_MAX,
  WaitQuery,
} from './schema.ts'
import {
  ANOTHER_DEVICE,
  NO_PASS_HERE,
  NO_SUCH_PASS,
  PASS_ENDED,
  type VisitService,
  type Visitor,
} from './service.ts'

/** An answer that another room documents. */
type Documented = Answer & { readonly schema: TSchema & { readonly static: object } }

type Dependencies = {
  readonly visits: VisitService
  readonly cookies: Pick<SessionCookies, 'read' | 'write'>
  readonly nowMs: () => number
  readonly answers: {
    readonly decision: Documented
    readonly attempt: Documented
  }
  readonly faults: {
    readonly unknownLock: Answer
    readonly idTaken: Answer
    readonly unknownAttempt: Answer
    readonly closed: Answer
  }
}

/** What a guest's page calls: with the code of the link at first, then with the cookie of the device. */
export const visitRoutes = (deps: Dependencies): readonly Endpoint[] => {
  const { visits, cookies } = deps
  const visitorOf = oncePerRequest((request: Request) =>
    visits.visitorOf(cookies.read(request, 'guest')),
  )
  const requireVisitor = async (request: Request): Promise<Visitor> => {
    const visitor = await visitorOf(request)
    if (!visitor) throw noPassHere()
    return visitor
  }
  const given: Given = { ...deps, visitorOf, requireVisitor }
  return [
    look(given),
    bind(given),
    read(given),
    rekey(given),
    ask(given),
    unlock(given),
    readAttempt(given),
  ]
}

type Given = Dependencies & {
  readonly visitorOf: (request: Request) => Promise<Visitor | undefined>
  readonly requireVisitor: (request: Request) => Promise<Visitor>
}

const noPassHere = () =>
  new HttpError(401, NO_PASS_HERE, { 'WWW-Authenticate': 'Bearer' }, { reason: 'no_such_pass' })

const NO_PASS = problem(404, 'no_such_pass', NO_SUCH_PASS)
const NONE_HERE = problem(401, 'no_such_pass', NO_PASS_HERE)
const PASS = { description: 'The pass', schema: GuestPassAnswer, example: GUEST_PASS_EXAMPLE }

const look = ({ visits }: Given) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/guest/look',
      access: 'public',
      limits: ['codes'],
      // It writes at the first look only.
      checksDisk: true,
      tag: 'Guests',
      operationId: 'lookAtPass',
      summary: 'Show what a pass is for',
      description:
        'Takes the code from the fragment of the link, which neither proxies nor previews in messengers ' +
        'see. Looking does not tie the pass to a phone.',
      body: LookBody,
      answers: { 200: PASS, 400: invalid(LookBody, 'code'), 404: NO_PASS },
    },
    ({ caller, body }) => visits.look(caller, body.code),
  )

const bind = (given: Given) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/guest/bind',
      access: 'public',
      limits: ['codes'],
      tag: 'Guests',
      operationId: 'bindPass',
      summary: 'Use a pass on this phone',
      description:
        'Sets a cookie that ends with the pass. Of simultaneous requests, only as many succeed as the ' +
        'pass allows phones. A phone with a key must sign its attempts.',
      body: BindBody,
      answers: {
        200: PASS,
        400: invalid(BindBody, 'public_key'),
        404: NO_PASS,
        409: [
          problem(409, 'another_device', ANOTHER_DEVICE),
          problem(409, 'pass_ended', PASS_ENDED),
        ],
      },
    },
    async ({ request, caller, body: { code, public_key: publicKey }, set }) => {
      const { cookie, view } = await given.visits.bind(caller, {
        code,
        publicKey,
        visitor: await given.visitorOf(request),
        cookie: given.cookies.read(request, 'guest'),
      })
      setCookie(given, { request, headers: set.headers, cookie, endsAt: view.ends_at })
      return view
    },
  )

const read = (given: Given) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/guest/pass',
      access: 'guest',
      tag: 'Guests',
      operationId: 'getOwnPass',
      summary: 'Get the pass of this phone',
      guard: guardOf(given),
      answers: { 200: PASS, 401: NONE_HERE },
    },
    async ({ request, caller, set }) => {
      const view = await given.visits.view(await given.requireVisitor(request), caller)
      // The pass may have been prolonged.
      const cookie = given.cookies.read(request, 'guest') ?? ''
      setCookie(given, { request, headers: set.headers, cookie, endsAt: view.ends_at })
      return view
    },
  )

const rekey = (given: Given) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/guest/rekey',
      access: 'guest',
      limits: ['changes'],
      tag: 'Guests',
      operationId: 'rekeyPass',
      summary: 'Replace the key of this phone',
      description:
        'For a browser that has lost its key but kept the cookie, as Safari may. At most 100 a day for each phone.',
      body: RekeyBody,
      guard: guardOf(given),
      answers: {
        200: {
          description: 'The phone has the new key',
          schema: RekeyedAnswer,
          example: { device: '0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d' },
        },
        400: invalid(RekeyBody, 'public_key'),
        401: NONE_HERE,
      },
    },
    async ({ request, caller, body }) => {
      const visitor = await given.requireVisitor(request)
      if (!(await given.visits.rekey(caller, visitor, body.public_key))) throw noPassHere()
      return { device: visitor.device.id }
    },
  )

const ask = (given: Given) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/guest/ask',
      access: 'guest',
      limits: ['changes'],
      tag: 'Guests',
      operationId: 'askHost',
      summary: 'Ask the host for help',
      description: 'The host sees it in the list of passes; the home is told once in ten minutes.',
      guard: guardOf(given),
      answers: {
        200: {
          description: 'The host is told',
          schema: AskedAnswer,
          example: { asked_at: '2026-11-30T10:00:00.000Z' },
        },
        401: NONE_HERE,
      },
    },
    async ({ request, caller }) => {
      const askedAtMs = await given.visits.ask(caller, await given.requireVisitor(request))
      return { asked_at: new Date(askedAtMs).toISOString() }
    },
  )

const unlock = (given: Given) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/guest/unlock',
      access: 'guest',
      checksDisk: true,
      tag: 'Guests',
      operationId: 'unlockAsGuest',
      summary: 'Ask to open a lock as a guest',
      description:
        'Decides and records as `POST /v1/locks/{label}/unlock` does. A phone with a key must send a ' +
        'signed statement about this attempt; its counters only grow. Each phone may make ten attempts a ' +
        'minute, and 200 a day.',
      body: GuestAttemptBody,
      guard: guardOf(given),
      answers: {
        200: given.answers.decision,
        400: invalid(GuestAttemptBody, 'lock'),
        401: NONE_HERE,
        404: given.faults.unknownLock,
        409: given.faults.idTaken,
        503: given.faults.closed,
      },
    },
    async ({ request, caller, body: { id, lock, statement } }) =>
      given.visits.unlock(caller, await given.requireVisitor(request), {
        id: id.toLowerCase(),
        lock,
        statement,
      }),
  )

const readAttempt = (given: Given) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/guest/attempts/:id',
      access: 'guest',
      tag: 'Guests',
      operationId: 'getGuestAttempt',
      summary: 'Get the outcome of an attempt by this phone',
      description:
        'With `wait`, answers once there is news of the lock, or after that many seconds. Attempts are ' +
        'kept for 30 days.',
      params: GuestAttemptParams,
      query: WaitQuery,
      guard: guardOf(given),
      answers: {
        200: given.answers.attempt,
        401: NONE_HERE,
        404: given.faults.unknownAttempt,
      },
    },
    async ({ request, params, query: { wait = 0 }, server, signal }) => {
      if (wait > 0) server?.timeout(request, 2 * WAIT_SECONDS_MAX)
      const asked = { id: params.id.toLowerCase(), waitMs: wait * SECOND_MS, signal }
      return given.visits.attempt(await given.requireVisitor(request), asked)
    },
  )

const guardOf =
  ({ requireVisitor }: Given) =>
  async ({ request }: { readonly request: Request }): Promise<undefined> => {
    await requireVisitor(request)
  }

/** Browsers keep no cookie for longer (RFC 6265bis section 5.5). */
const COOKIE_SECONDS_MAX = 400 * 24 * 60 * 60

type Setting = {
  readonly request: Request
  readonly headers: AnswerHeaders
  readonly cookie: string
  readonly endsAt: string | null
}

/** Sets the cookie of a device, which ends with the pass. */
const setCookie = (
  { cookies, nowMs }: Pick<Given, 'cookies' | 'nowMs'>,
  { request, headers, cookie, endsAt }: Setting,
): void => {
  const restMs = endsAt === null ? Infinity : Date.parse(endsAt) - nowMs()
  const seconds = Math.min(Math.max(Math.ceil(restMs / SECOND_MS), 1), COOKIE_SECONDS_MAX)
  headers['set-cookie'] = cookies.write(request, { guest: { value: cookie, seconds } })
}
