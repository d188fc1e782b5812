import type { Static } from '@sinclair/typebox'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { GatewayAnswer } from './schema.ts'

type Dependencies = {
  readonly gateway: Omit<Static<typeof GatewayAnswer>, 'zone' | 'private_ca'>
  /** The zone of the home. */
  readonly zone: () => string
  /** Whether the certificate in use chains to a private CA. */
  readonly isPrivate: () => boolean
}

/** What an app or a page shows about the gateway itself, and the time zone it is in. */
export const gatewayRoutes = (deps: Dependencies): readonly Endpoint[] => [read(deps)]

const read = ({ gateway, zone, isPrivate }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/gateway',
      access: 'member',
      tag: 'Pages',
      operationId: 'getGateway',
      summary: 'Get the version, address and time zone of the gateway',
      answers: {
        200: {
          description: 'The gateway',
          schema: GatewayAnswer,
          example: {
            version: '0.2.0',
            address: 'https://lock.home:8443',
            zone: 'Europe/Berlin',
            second_factor: 'optional',
            guest_passes: 'admins',
            private_ca: false,
          },
        },
      },
    },
    () => ({ ...gateway, zone: zone(), private_ca: isPrivate() }),
  )
