import { signal } from '@preact/signals'
import type { Static } from '@sinclair/typebox'
import type { CookieAnswer } from '../../accounts/sessions/schema.ts'

/** What the gateway answered instead of what was asked for. */
export class ApiError extends Error {
  readonly status: number
  /** Stable, such as `otp_required`; empty where the status says it all. */
  readonly code: string
  readonly retryAfterSeconds: number | undefined
  readonly requestId: string | undefined

  constructor(answer: Response, fault: Fault) {
    super(fault.detail ?? fault.msg ?? fault.error ?? `The gateway answered ${answer.status}`)
    this.name = 'ApiError'
    this.status = answer.status
    this.code = fault.code ?? ''
    this.retryAfterSeconds = Number(answer.headers.get('retry-after')) || undefined
    this.requestId = answer.headers.get('x-request-id') ?? undefined
  }
}

type Fault = {
  readonly detail?: string
  readonly msg?: string
  readonly error?: string
  readonly code?: string
}

/** The gateway did not answer at all. */
export class ConnectionLost extends Error {
  constructor() {
    super('The gateway does not answer')
    this.name = 'ConnectionLost'
  }
}

/** Whether the gateway answers, and how often it came back: lists load again each time. */
export const connection = signal<'there' | 'lost'>('there')
export const recoveries = signal(0)

/** Why the person was signed out, told where they sign in again. */
export const signedOutBecause = signal<string | undefined>(undefined)

type Query = Readonly<Record<string, string | number | boolean | undefined>>
type Options = { readonly query?: Query; readonly signal?: AbortSignal }

/** Calls the public API, as any app can. Throws ApiError, or ConnectionLost. `Answer` is the
 * `Static` of the server's own schema. */
export const api = {
  get: <Answer>(path: string, options: Options = {}): Promise<Answer> =>
    call('GET', path, undefined, options),
  post: <Answer>(path: string, body: unknown = {}): Promise<Answer> => call('POST', path, body),
  patch: <Answer>(path: string, body: unknown): Promise<Answer> => call('PATCH', path, body),
  delete: <Answer>(path: string, body?: unknown): Promise<Answer> => call('DELETE', path, body),

  /** The answer itself, for what is no JSON or has no end; renewed and refused as all others. */
  fetch: (path: string, init: RequestInit = {}): Promise<Response> => send(path, init),
}

/** A path with the parameters that have a value. */
export const withQuery = (path: string, query: Query = {}): string => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
  return search.size > 0 ? `${path}?${search}` : path
}

const call = async <Answer>(
  method: string,
  path: string,
  body: unknown,
  { query, signal: abort }: Options = {},
): Promise<Answer> => {
  const answer = await send(withQuery(path, query), {
    method,
    ...(abort ? { signal: abort } : {}),
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  return answer.json() as Promise<Answer>
}

const SESSION = '/v1/session/cookie'

/** When the session must be renewed by this page's clock; nothing where nobody is signed in. */
let renewAtMs: number | undefined

/** So long before its end a session is renewed, lest a request on its way comes too late. */
const EARLY_MS = 20_000

/** Notes that somebody is signed in, and for how long without renewal. */
export const sessionLasts = (seconds: number): void => {
  renewAtMs = Date.now() + Math.max(seconds * 1000 - EARLY_MS, 0)
}

/** Notes that nobody is signed in any more. */
export const sessionIsOver = (because: string): void => {
  renewAtMs = undefined
  signedOutBecause.value = because
}

const send = async (path: string, init: RequestInit): Promise<Response> => {
  if (renewAtMs !== undefined && Date.now() >= renewAtMs) await renew()
  let answer = await reach(path, init)
  const isAboutSession = path.startsWith(SESSION)
  if (answer.status === 401 && renewAtMs !== undefined && !isAboutSession) {
    // Read to its end, lest it count as given up.
    await answer.arrayBuffer()
    await renew()
    answer = await reach(path, init)
    if (answer.status === 401) sessionIsOver(ENDED)
  }
  if (!answer.ok) throw await faultOf(answer)
  return answer
}

export const ENDED = 'Your session has ended. Sign in again to go on.'

let renewal: Promise<void> | undefined

/** Renews the session, once for all who wait. Throws ApiError 401 where it is over. */
export const renew = (): Promise<void> => {
  renewal ??= renewOnce().finally(() => {
    renewal = undefined
  })
  return renewal
}

const renewOnce = async (): Promise<void> => {
  // Goes on if the page is left meanwhile: the old token is used up, and the next one must arrive.
  const answer = await reach(`${SESSION}/refresh`, { method: 'POST', keepalive: true })
  if (answer.status === 401) sessionIsOver(ENDED)
  if (!answer.ok) throw await faultOf(answer)
  const { expires_in: seconds } = (await answer.json()) as Static<typeof CookieAnswer>
  sessionLasts(seconds)
}

const reach = async (path: string, init: RequestInit): Promise<Response> => {
  try {
    const answer = await fetch(path, { credentials: 'same-origin', ...init })
    // What a proxy says whose gateway is away.
    if (answer.status === 502 || answer.status === 504) throw new ConnectionLost()
    return answer
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    void waitForGateway()
    throw new ConnectionLost()
  }
}

const faultOf = async (answer: Response): Promise<ApiError> => {
  const fault = await answer.json().catch(() => ({}))
  return new ApiError(answer, fault as Fault)
}

const PROBE_MS_MIN = 1000
const PROBE_MS_MAX = 15_000

/** Says that the gateway is away, and asks until it is there again. */
const waitForGateway = async (): Promise<void> => {
  if (connection.value === 'lost') return
  connection.value = 'lost'
  for (let ms = PROBE_MS_MIN; ; ms = Math.min(ms * 1.5, PROBE_MS_MAX)) {
    await new Promise<void>((go) => {
      setTimeout(go, ms)
      addEventListener('online', () => go(), { once: true })
    })
    const answer = await fetch('/livez', { cache: 'no-store' }).catch(() => undefined)
    if (answer?.ok) break
  }
  connection.value = 'there'
  recoveries.value += 1
}
