import { message } from '../http/answers.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Metrics } from './metrics.ts'

type Dependencies = { readonly metrics: Pick<Metrics, 'text' | 'contentType'> }

/** What Prometheus scrapes. */
export const metricsRoutes = (deps: Dependencies): readonly Endpoint[] => [read(deps)]

const read = ({ metrics }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/metrics',
      access: 'local',
      tag: 'Health',
      summary: 'Get metrics for Prometheus',
      description:
        'Counts and times since the start, in the text format of Prometheus. Callers on this machine ' +
        'need no token: from a loopback address, under a loopback name, through no proxy. Others need ' +
        'the token of an admin or owner.',
      answers: {
        200: { description: 'The metrics', contentType: 'text/plain' },
        403: message('The token is of neither an admin nor an owner', 'Only an admin may do this'),
      },
    },
    async () =>
      new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } }),
  )
