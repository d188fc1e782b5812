import type { Endpoints } from '../http/router.ts'
import { message } from '../http/answers.ts'
import { operation } from '../http/endpoint.ts'
import type { Metrics } from './metrics.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>
}

/** What Prometheus collects. */
export const metricsRoutes = ({ endpoints, metrics }: Dependencies) =>
  endpoints
    .group('default')
    .get(
      '/metrics',
      async () =>
        new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } }),
      METRICS,
    )

const METRICS = operation({
  access: 'local',
  tag: 'Health',
  summary: 'Numbers for Prometheus',
  description:
    'Counts and times since the start, in the text format of Prometheus. Callers on this machine ' +
    'need no token: from a loopback address, under a loopback name, through no proxy. From ' +
    'elsewhere it takes an admin’s.',
  answers: {
    200: { description: 'The numbers', contentType: 'text/plain' },
    403: message('A token of another than an admin or owner', 'Only an admin may do this'),
  },
})
