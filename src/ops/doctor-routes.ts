import { t } from 'elysia'
import type { Endpoints } from '../http/endpoints.ts'
import { operation } from '../http/operation.ts'
import type { Doctor } from './doctor.ts'

type Dependencies = { readonly endpoints: Endpoints; readonly examine: Doctor }

/** What the command `doctor` says, as far as the running service can see it. */
export const doctorRoutes = ({ endpoints, examine }: Dependencies) =>
  endpoints.group('default').get('/v1/doctor', async () => ({ findings: await examine() }), DOCTOR)

const Finding = t.Object(
  {
    check: t.String(),
    state: t.Union([t.Literal('ok'), t.Literal('warning'), t.Literal('fault')]),
    says: t.String(),
    fix: t.Optional(t.String()),
  },
  { additionalProperties: false },
)

const DOCTOR = operation({
  access: 'admin',
  tag: 'Health',
  summary: 'Is all well, and what is to be done where it is not?',
  description:
    'A line for each thing that was looked at: disk, write-ahead log, clock, unlock log, owner, registration, HTTPS, proxies. The command `secure-lock-server doctor` looks at settings, files and the database as well.',
  answers: {
    200: {
      description: 'What was found',
      schema: t.Object({ findings: t.Array(Finding) }, { additionalProperties: false }),
      example: {
        findings: [
          { check: 'disk', state: 'ok', says: '12,204 MiB free' },
          {
            check: 'registration',
            state: 'warning',
            says: 'open: whoever reaches this port may register and record unlocks',
            fix: 'set REGISTRATION=invite, or closed once all are in',
          },
        ],
      },
    },
  },
})
