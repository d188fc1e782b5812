import { signal } from '@preact/signals'
import type { Static } from '@sinclair/typebox'
import type { CookieAnswer } from '../../../accounts/sessions/schema.ts'
import { backOff } from './back-off.ts'

/** An error that the gateway answered with. */
export class ApiError extends Error {
  readonly status: number
  /** Stable, such as `otp_required`; empty if there is only the status. */
  readonly code: string
  readonly retryAfterSeconds: number | undefined
  readonly requestId: string | undefined
  /** What each field that is not accepted accepts, by its name. */
  readonly fields: Readonly<Record<string, string>>

  constructor(answer: Response, body: ErrorBody) {
    super(body.detail ?? body.msg ?? body.error ?? `The gateway answered ${answer.status}`)
    this.name = 'ApiError'
    this.status = answer.status
    this.code = body.code ?? ''
    this.retryAfterSeconds = Number(answer.headers.get('retry-after')) || undefined
    this.requestId = answer.headers.get('x-request-id') ?? undefined
    this.fields = body.fields ?? {}
  }
}

type ErrorBody = {
  readonly detail?: string
  readonly msg?: string
  readonly error?: string
  readonly code?: string
  readonly fields?: Readonly<Record<string, string>>
}

/** The gateway did not answer at all. */
export class ConnectionLost extends Error {
  constructor() {
    super('The gateway does not answer')
    this.name = 'ConnectionLost'
  }
}

/** The gateway logged somebody in, and this browser did not keep the cookies. */
export class CookiesBlocked extends Error {
  constructor() {
    super('This browser blocks cookies')
    this.name = 'CookiesBlocked'
  }
}

/** Whether the gateway answers, and how often it came back. Lists load again each time. */
export const connection = signal<'ok' | 'lost'>('ok')
export const reconnections = signal(0)

/** Why the session ended; the login page shows it. */
export const logoutReason = signal<string | undefined>(undefined)

type Query = Readonly<Record<string, string | number | boolean | undefined>>
type Headers = Readonly<Record<string, string>>
type Options = {
  readonly query?: Query
  readonly signal?: AbortSignal
  readonly headers?: Headers
}

/** Calls the public API, as any app can. Throws ApiError or ConnectionLost. `Answer` is the
 * `Static` of the server's own schema. */
export const api = {
  get: <Answer>(path: string, options: Options = {}): Promise<Answer> =>
    call('GET', path, undefined, options),
  post: <Answer>(
    path: string,
    body: unknown = {},
    headers: Headers = {},
    options: Pick<Options, 'signal'> = {},
  ): Promise<Answer> => call('POST', path, body, { headers, ...options }),
  put: <Answer>(path: string, body: unknown, headers: Headers = {}): Promise<Answer> =>
    call('PUT', path, body, { headers }),
  patch: <Answer>(path: string, body: unknown, headers: Headers = {}): Promise<Answer> =>
    call('PATCH', path, body, { headers }),
  delete: <Answer>(path: string, body?: unknown): Promise<Answer> => call('DELETE', path, body),

  /** Returns the response itself, for streams and anything that is not JSON. */
  fetch: (path: string, init: RequestInit = {}): Promise<Response> => send(path, init),
}

/** Adds the parameters that have a value to a path. */
export const withQuery = (path: string, query: Query = {}): string => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const search = new URLSearchParams(
    given.map(([name, value]): [string, string] => [name, String(value)]),
  ).toString()
  return search ? `${path}?${search}` : path
}

const call = async <Answer>(
  method: string,
  path: string,
  body: unknown,
  { query, signal: abort, headers = {} }: Options = {},
): Promise<Answer> => {
  const answer = await send(withQuery(path, query), {
    method,
    ...(abort ? { signal: abort } : {}),
    ...(body === undefined
      ? {}
      : {
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify(body),
        }),
  })
  return answer.json() as Promise<Answer>
}

const SESSION = '/v1/session/cookie'

/** When to renew the session, by this page's clock; undefined if nobody is logged in. */
let renewAtMs: number | undefined

/** A session is renewed this long before it expires, so that no request arrives too late. */
const RENEW_BEFORE_MS = 20_000

/** Notes that somebody is logged in, and for how long before a renewal. */
export const extendSession = (seconds: number): void => {
  renewAtMs = Date.now() + Math.max(seconds * 1000 - RENEW_BEFORE_MS, 0)
}

/** Notes that nobody is logged in any more, and why. */
export const endSession = (reason: string): void => {
  renewAtMs = undefined
  logoutReason.value = reason
}

const send = async (path: string, init: RequestInit): Promise<Response> => {
  if (renewAtMs !== undefined && Date.now() >= renewAtMs) await renew()
  let answer = await reach(path, init)
  const isAboutSession = path.startsWith(SESSION)
  if (answer.status === 401 && renewAtMs !== undefined && !isAboutSession) {
    // Read to its end: otherwise Chromium reports it as aborted.
    await answer.arrayBuffer()
    await renew()
    answer = await reach(path, init)
    if (answer.status === 401) endSession(SESSION_ENDED)
  }
  if (!answer.ok) throw await errorOf(answer)
  return answer
}

export const SESSION_ENDED = 'Your session has ended. Please log in again.'

let renewal: Promise<void> | undefined

/** Renews the session, once for all requests that wait for it. Throws ApiError 401 if it has ended. */
export const renew = (): Promise<void> => {
  renewal ??= renewOnce().finally(() => {
    renewal = undefined
  })
  return renewal
}

const renewOnce = async (): Promise<void> => {
  // Continues even if the page is left: the old token is used up, so the new one has to arrive.
  const answer = await reach(`${SESSION}/refresh`, { method: 'POST', keepalive: true })
  if (answer.status === 401) endSession(SESSION_ENDED)
  if (!answer.ok) throw await errorOf(answer)
  const { expires_in: seconds } = (await answer.json()) as Static<typeof CookieAnswer>
  extendSession(seconds)
}

const reach = async (path: string, init: RequestInit): Promise<Response> => {
  try {
    const answer = await fetch(path, { credentials: 'same-origin', ...init })
    // A proxy answers these when it cannot reach the gateway.
    if (answer.status === 502 || answer.status === 504) throw new ConnectionLost()
    return answer
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    void waitForGateway()
    throw new ConnectionLost()
  }
}

const errorOf = async (answer: Response): Promise<ApiError> => {
  const body = await answer.json().catch(() => ({}))
  return new ApiError(answer, body as ErrorBody)
}

/** Marks the connection as lost, and probes until the gateway answers again. */
const waitForGateway = async (): Promise<void> => {
  if (connection.value === 'lost') return
  connection.value = 'lost'
  const next = backOff()
  let answer: Response | undefined
  do {
    await next.wait()
    answer = await fetch('/livez', { cache: 'no-store' }).catch(() => undefined)
  } while (!answer?.ok)
  connection.value = 'ok'
  reconnections.value += 1
}
