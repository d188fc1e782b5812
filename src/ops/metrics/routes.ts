import { message } from '../../http/answers.ts'
import { type Caller, credentials, requireRole } from '../../http/authorization.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { HttpError } from '../../http/errors.ts'
import type { Metrics } from './metrics.ts'

type Dependencies = {
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>
  readonly isMetricsToken: (text: string) => boolean
  /** Called after each request without a valid token. */
  readonly onStranger: (caller: Caller) => Promise<void>
  /** Called after each request with the metrics token. */
  readonly onToken: (caller: Caller) => Promise<void>
}

const NO_TOKEN = 'Send the token that secure-lock-server metrics-token prints, or that of an admin'

/** What Prometheus scrapes. */
export const metricsRoutes = (deps: Dependencies): readonly Endpoint[] => [read(deps)]

const read = ({ metrics, isMetricsToken, onStranger, onToken }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/metrics',
      access: 'metrics',
      scope: 'metrics:read',
      countsAs: ({ request }) =>
        isMetricsToken(credentials(request, 'Bearer') ?? '') ? 'metrics token' : undefined,
      guard: async ({ request, caller }) => {
        if (isMetricsToken(credentials(request, 'Bearer') ?? '')) return onToken(caller)
        if (caller.account) return requireRole(caller, 'admin')
        await onStranger(caller)
        throw new HttpError(401, NO_TOKEN, { 'WWW-Authenticate': 'Bearer' })
      },
      tag: 'Health',
      operationId: 'getMetrics',
      summary: 'Get metrics for Prometheus',
      description:
        'Counts and times since the start, in the text format of Prometheus. Needs the metrics token, ' +
        'which the command `secure-lock-server metrics-token` prints and which opens nothing else, or ' +
        'the token of an admin or owner.',
      answers: {
        200: { description: 'The metrics', contentType: 'text/plain' },
        401: message('There is no valid token', NO_TOKEN),
        403: message('The token is of neither an admin nor an owner', 'Only an admin may do this'),
      },
    },
    async () =>
      new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } }),
  )
