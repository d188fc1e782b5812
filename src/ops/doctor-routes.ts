import type { Endpoints } from '../http/router.ts'
import { operation } from '../http/endpoint.ts'
import type { Doctor } from './doctor.ts'
import { DoctorAnswer } from './schema.ts'

type Dependencies = { readonly endpoints: Endpoints; readonly examine: Doctor }

/** What the command `doctor` says, as far as the running service can see it. */
export const doctorRoutes = ({ endpoints, examine }: Dependencies) =>
  endpoints.group('default').get('/v1/doctor', async () => ({ findings: await examine() }), DOCTOR)

const DOCTOR = operation({
  access: 'admin',
  tag: 'Health',
  summary: 'Is all well, and what is to be done where it is not?',
  description:
    'A line for each thing that was looked at: disk, write-ahead log, clock, unlock log, owner, registration, HTTPS, proxies. The command `secure-lock-server doctor` looks at settings, files and the database as well.',
  answers: {
    200: {
      description: 'What was found',
      schema: DoctorAnswer,
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
