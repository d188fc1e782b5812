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

const Finding = t.Object(
  {
    check: t.String(),
    state: t.Union([t.Literal('ok'), t.Literal('warning'), t.Literal('fault')]),
    says: t.String(),
    fix: t.Optional(t.String()),
  },
  { additionalProperties: false },
)

export const DoctorAnswer = t.Object(
  { findings: t.Array(Finding) },
  { additionalProperties: false },
)
