import { hasRole } from '../domain/account.ts'
import { message, problem } from '../http/answers.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { timeMs } from '../http/request/text.ts'
import { type Acceptances, NO_SUCH_WARNING } from './acceptances.ts'
import type { Doctor } from './doctor.ts'
import { AcceptanceBody, AcceptanceParams, DoctorAnswer } from './schema.ts'

type Dependencies = { readonly runChecks: Doctor; readonly acceptances: Acceptances }

/** What the command `doctor` says, as far as the running server can see it, and what owners accept of
 * it. */
export const doctorRoutes = (deps: Dependencies): readonly Endpoint[] => [
  read(deps),
  accept(deps),
  withdraw(deps),
]

const PATH = '/v1/doctor/acceptances/:id'

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
        'What was found by each check: disk, write-ahead log, clock, unlock log, owner, registration, ' +
        'HTTPS, backups, guessed passwords, proxies, metrics, and the server of the database if there is one. A warning that an owner has accepted ' +
        'stays a `warning`, with `accepted`. The command `secure-lock-server doctor` also checks ' +
        'settings, files and the database.',
      answers: {
        200: {
          description: 'The findings',
          schema: DoctorAnswer,
          example: {
            findings: [
              { check: 'disk', state: 'ok', says: 'The disk has room: 12,204 MiB free' },
              {
                check: 'https',
                state: 'warning',
                says: 'HTTPS is off: anyone on your network can read passwords and tokens on their way',
                fix: 'Run secure-lock-server tls init, and set TLS_CERT_FILE and TLS_KEY_FILE',
                page: '/manual/https#turn-it-on',
                id: 'https-off',
                accepted: {
                  until: '2027-01-31T23:00:00.000Z',
                  reason: 'Only our own cable',
                  by: 'ada',
                },
              },
            ],
          },
        },
      },
    },
    async ({ account }) => {
      const isOwner = hasRole(account, 'owner')
      const findings = await runChecks({ seesOwners: isOwner })
      return {
        findings: findings.map(({ id, ...finding }) =>
          isOwner && id ? { ...finding, id } : finding,
        ),
      }
    },
  )

const accept = ({ acceptances }: Dependencies) =>
  endpoint(
    {
      method: 'PUT',
      path: PATH,
      access: 'owner',
      limits: ['changes'],
      tag: 'Health',
      operationId: 'acceptFinding',
      summary: 'Accept a warning until a date',
      description:
        'Until then it stays in the list, but no longer asks for attention. Accepting the ' +
        'same warning again replaces the acceptance. Any other finding, even of the same check, has ' +
        'its own id. Faults cannot be accepted.',
      params: AcceptanceParams,
      body: AcceptanceBody,
      answers: {
        200: message('The warning is accepted', 'Warning accepted'),
        400: problem(400, 'invalid', 'Invalid until: a time within the next 366 days'),
        403: problem(403, 'forbidden', 'Only an owner may do this'),
        404: problem(404, 'not_found', NO_SUCH_WARNING),
      },
    },
    async ({ params, body, caller, account }) => {
      const { reason, until } = body
      await acceptances.accept(
        { ...caller, account },
        { id: params.id, reason, untilMs: timeMs(until) },
      )
      return { msg: 'Warning accepted' }
    },
  )

const withdraw = ({ acceptances }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: PATH,
      access: 'owner',
      limits: ['changes'],
      tag: 'Health',
      operationId: 'withdrawFindingAcceptance',
      summary: 'Withdraw the acceptance of a warning',
      params: AcceptanceParams,
      answers: {
        200: message('The warning asks for attention again', 'Acceptance withdrawn'),
        403: problem(403, 'forbidden', 'Only an owner may do this'),
        404: problem(404, 'not_found', 'No such acceptance'),
      },
    },
    async ({ params, caller, account }) => {
      await acceptances.withdraw({ ...caller, account }, params.id)
      return { msg: 'Acceptance withdrawn' }
    },
  )
