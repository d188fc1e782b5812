import { type Endpoint, endpoint } from '../http/endpoint.ts'
import type { Doctor } from './doctor.ts'
import { DoctorAnswer } from './schema.ts'

type Dependencies = { readonly runChecks: Doctor }

/** What the command `doctor` says, as far as the running server can see it. */
export const doctorRoutes = (deps: Dependencies): readonly Endpoint[] => [read(deps)]

const read = ({ runChecks }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/doctor',
      access: 'admin',
      tag: 'Health',
      operationId: 'getFindings',
      summary: 'Get what needs attention, and what to do about it',
      description:
        'One finding for each check: disk, write-ahead log, clock, unlock log, owner, registration, ' +
        'HTTPS, backups, proxies. The command `secure-lock-server doctor` also checks settings, files ' +
        'and the database.',
      answers: {
        200: {
          description: 'The findings',
          schema: DoctorAnswer,
          example: {
            findings: [
              { check: 'disk', state: 'ok', says: '12,204 MiB free' },
              {
                check: 'registration',
                state: 'warning',
                says: 'open: anyone who reaches this port may register and record unlocks',
                fix: 'choose another mode in the console, or set REGISTRATION=invite (or closed, once everyone has registered)',
              },
            ],
          },
        },
      },
    },
    async () => ({ findings: [...(await runChecks())] }),
  )
