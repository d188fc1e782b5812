import { Elysia } from 'elysia'
import type { Caller } from '../authorization.ts'
import { requestIdOf } from '../response-headers.ts'
import { type Logger, logRequest } from './logger.ts'

type Dependencies = {
  readonly logger: Logger
  /** Called after each answer, regardless of the log level. */
  readonly onAnswer: (request: AnsweredRequest) => void
}

type AnsweredRequest = {
  readonly method: Method
  /** As it was declared, or `unmatched`: never what a caller made up. */
  readonly route: string
  readonly status: number
  /** Until the answer; for a stream, until its beginning. */
  readonly durationMs: number
}

/** A request and its answer. */
type Answered = {
  readonly method: string
  readonly route: string
  readonly status: number
  /** `performance.now()` when it arrived. */
  readonly startedAtMs: number
  readonly requestId: string | undefined
  readonly caller: Caller | undefined
}

/** Returns the function that counts and logs a request once it is answered: with the declared route, never
 * with the path, query, headers or body that were sent, because any of them may contain a secret. */
export const requestRecorder =
  ({ logger, onAnswer }: Dependencies) =>
  ({ route, status, startedAtMs, requestId, caller, ...answered }: Answered): void => {
    const method = METHODS.get(answered.method) ?? 'other'
    const durationMs = performance.now() - startedAtMs
    onAnswer({
      method,
      route: isMatched(route, status) ? route : 'unmatched',
      status,
      durationMs,
    })
    logRequest(logger, PROBES.has(route) && status < 400 ? 'debug' : 'info', {
      request_id: requestId,
      method,
      route,
      status,
      duration_ms: Number(durationMs.toFixed(2)),
      client: caller?.address,
      account: caller?.account?.publicId,
    })
  }

/** What supervisors and proxies request every second or two. Logged only if it fails, or at `debug`. */
const PROBES: ReadonlySet<string> = new Set(['/livez', '/readyz'])

/** Records each request; see `requestRecorder`. */
export const requestLog = (record: ReturnType<typeof requestRecorder>) =>
  new Elysia({ name: 'request-log' })
    .onRequest((context) => {
      // Member by member: if the whole context is passed on, Elysia infers from the source that all of a
      // request is needed, and parses cookies too; https://github.com/elysiajs/elysia/issues/2004 is
      // about the same inference.
      const started = context as unknown as Started
      started.startedAtMs = performance.now()
      started.method = context.request.method
    })
    .onAfterResponse({ as: 'global' }, (context) => {
      const { route, set, response } = context
      const { caller, startedAtMs, method } = context as unknown as Started
      const status = response instanceof Response ? response.status : Number(set.status ?? 200)
      const requestId = requestIdOf(set.headers)
      record({ method, route, status, startedAtMs, requestId, caller })
    })

/** What is known about a request from its start, before anything changes it. */
type Started = {
  startedAtMs: number
  method: string
  readonly caller?: Caller
}

/** False for what not-found.ts answers: no declared route matched. */
const isMatched = (route: string, status: number): boolean =>
  status !== 405 && route !== '/*' && route !== ''

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS' | 'other'

const METHODS: ReadonlyMap<string, Method> = new Map(
  (['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const).map((name) => [
    name,
    name,
  ]),
)
