import { Type as t } from '@sinclair/typebox'

export const GatewayAnswer = t.Object(
  {
    version: t.String(),
    address: t.String({ description: 'Where apps and links reach this service' }),
    zone: t.String({ description: 'The time zone that it stands in (IANA)' }),
    second_factor: t.Union([t.Literal('optional'), t.Literal('required')]),
  },
  { additionalProperties: false },
)
