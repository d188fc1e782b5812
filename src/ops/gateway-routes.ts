import type { Static } from '@sinclair/typebox'
import type { Endpoints } from '../http/router.ts'
import { operation } from '../http/endpoint.ts'
import { GatewayAnswer } from './schema.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly gateway: Omit<Static<typeof GatewayAnswer>, 'zone'>
}

/** What an app or a page shows of the gateway itself, and the zone that its times are told in. */
export const gatewayRoutes = ({ endpoints, gateway }: Dependencies) =>
  endpoints.group('default').get('/v1/gateway', () => ({ ...gateway, zone: zone() }), READ)

const zone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone

const READ = operation({
  access: 'member',
  tag: 'Pages',
  summary: 'What this gateway is, and its time zone',
  answers: {
    200: {
      description: 'The gateway',
      schema: GatewayAnswer,
      example: {
        version: '0.1.0',
        address: 'https://lock.home:8443',
        zone: 'Europe/Berlin',
        second_factor: 'optional',
      },
    },
  },
})
