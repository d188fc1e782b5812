import type { SignedIn } from '../domain/account.ts'
import type { AuthenticateRequest, Caller } from './authorization.ts'
import type { Context, Endpoint } from './endpoint.ts'
import type { AnswerError } from './error-answers.ts'
import type { foreignPageRefusal } from './foreign-pages.ts'
import type { requestRecorder } from './log/request-log.ts'
import type { callers } from './request/caller.ts'
import { type answerHeaders, requestIdOf } from './response-headers.ts'

/** An endpoint, and the steps that its requests go through. */
export type DirectRoute = ReturnType<typeof callers> & {
  readonly method: string
  readonly path: string
  readonly authenticateRequest: AuthenticateRequest
  readonly checks: readonly ((context: Given) => void | Promise<void>)[]
  readonly handle: (context: Given) => unknown
  /** Called after each answer. */
  readonly end: (request: Request) => void
}

type Given = Omit<Context, 'account' | 'query' | 'body' | 'signal' | 'caller'> & { caller: Caller }

/** The steps that direct routes share with all others. */
type Answering = {
  readonly refuseForeign: ReturnType<typeof foreignPageRefusal>
  readonly headersOf: ReturnType<typeof answerHeaders>
  readonly answerError: AnswerError
  readonly record: ReturnType<typeof requestRecorder>
  readonly server: () => Context['server']
}

type Fetch = (request: Request) => Response | Promise<Response>

/** True for an endpoint whose limits do not count signed-in callers, because its handler does. */
export const isDirect = ({ access, limits }: Endpoint): boolean =>
  access === 'member' && limits.length === 1 && limits[0] === 'unlock'

/** Returns a function for Elysia's `wrap`. It answers the requests of signed-in callers to a few endpoints with
 * the same functions as Elysia, in the same order, but without Elysia's context, hooks and cookies, which
 * take as much time as an unlock. Everything else goes to Elysia: callers who are not signed in, and requests
 * from foreign pages. */
export const directRoutes = (routes: readonly DirectRoute[], answering: Answering) => {
  const byPath = new Map(routes.map((route) => [`${route.method} ${route.path}`, route]))
  return (next: (...given: unknown[]) => unknown, request: Request) => {
    const route = byPath.get(`${request.method} ${pathOf(request.url)}`)
    // In Elysia's types, a function that answers requests is any function.
    return route ? () => answered(route, answering, request, next as Fetch) : next
  }
}

/** Returns the path and query of a URL. */
const pathOf = (url: string): string => url.slice(url.indexOf('/', 'https:/'.length + 1))

const answered = async (
  route: DirectRoute,
  { refuseForeign, headersOf, answerError, record, server: serverOf }: Answering,
  request: Request,
  next: Fetch,
): Promise<Response> => {
  const startedAtMs = performance.now()
  const server = serverOf()
  const socket = server?.requestIP(request) ?? null
  let signedIn: SignedIn | undefined
  try {
    refuseForeign(request, () => socket?.address ?? '')
    signedIn = await route.authenticateRequest(request)
  } catch {
    // Elysia's route will refuse it too.
  }
  if (!signedIn) return next(request)
  const { method, path } = route
  const headers = headersOf()
  const requestId = requestIdOf(headers)
  let caller: Caller | undefined
  let response: Response
  try {
    const arrived = { request, socket, headers }
    route.begin(arrived)
    const identified = route.callerOf(arrived, signedIn)
    caller = identified instanceof Promise ? await identified : identified
    const context: Given = { request, caller, params: NONE, set: { headers }, server }
    for (const check of route.checks) {
      const checked = check(context)
      if (checked) await checked
    }
    caller = context.caller
    const value = await route.handle(context)
    response = Response.json(value, { headers: headers as Record<string, string> })
  } catch (error) {
    response = await answerError(error, { request, route: path, requestId, caller })
    for (const [name, value] of Object.entries(headers))
      if (!response.headers.has(name)) response.headers.set(name, String(value))
  }
  route.end(request)
  record({ method, route: path, status: response.status, startedAtMs, requestId, caller })
  return response
}

const NONE = {}
