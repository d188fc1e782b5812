import { AppError } from '../../errors.ts'
import { HEAVY_READ_REFUSED, invalid, message, problem } from '../../http/answers.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { acceptedBy, notAccepted } from '../../http/request/accepted.ts'
import { Time, timeMs } from '../../http/request/text.ts'
import { nextPage, pageOf } from '../../http/request/paging.ts'
import { RESET_MINUTES } from './reset-store.ts'
import {
  CodeAnswer,
  PERSON_EXAMPLE,
  PeopleAnswer,
  PeopleQuery,
  PersonAnswer,
  PersonBody,
  PersonParams,
  UnitsAnswer,
  personJson,
  unitsJson,
} from './schema.ts'
import type { AccountAdministration } from './service.ts'
import type { AccountDirectory } from './store.ts'

type Dependencies = {
  readonly accountDirectory: AccountDirectory
  readonly administration: AccountAdministration
}

/** Managing other people's accounts, for admins and owners. */
export const peopleRoutes = (deps: Dependencies): readonly Endpoint[] => [
  list(deps),
  listUnits(deps),
  read(deps),
  change(deps),
  beginReset(deps),
  erase(deps),
]

const NO_SUCH_ACCOUNT = problem(404, 'not_found', 'No such account')

const REFUSED = problem(
  403,
  'owner_needed',
  'Only an owner can appoint or change admins and owners',
)

const LAST_OWNER = problem(409, 'last_owner', 'This is the last owner; create another one first')
const ALWAYS_ADMITTED = problem(
  409,
  'always_admitted',
  'Admins and owners are always admitted; change the role first',
)
const OWN_ACCOUNT = problem(409, 'own_account', 'This is your own account; see /v1/me')

const list = ({ accountDirectory }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/people',
      access: 'admin',
      scope: 'people:read',
      tag: 'People',
      operationId: 'listPeople',
      summary: 'List accounts',
      description:
        'In the order of registration, newest first by default. A page may contain fewer than ' +
        '`limit` accounts, or none, and still have a `next`: one request looks at up to 20,000 ' +
        'accounts. `next` is also sent as a `Link` header (RFC 8288), and is valid for the same ' +
        'filter only.',
      query: PeopleQuery,
      isHeavy: ({ text, role, disabled, admitted, unit }) =>
        (text ?? role ?? disabled ?? admitted ?? unit) !== undefined,
      answers: {
        200: {
          description: 'A page',
          schema: PeopleAnswer,
          example: { people: [PERSON_EXAMPLE], next: 'bmV3ZXN0LjQxLnhxN0xkMTJhYkNkRQ' },
        },
        400: invalid(PeopleQuery, 'role'),
        ...HEAVY_READ_REFUSED,
      },
    },
    async (context) => {
      const { text, role, disabled, admitted, unit } = context.query
      const search = { text, role, disabled, admitted, unit }
      const page = pageOf(context.query, search)
      const filter = { text, role, isDisabled: flag(disabled), isAdmitted: flag(admitted), unit }
      const found = await accountDirectory.page({ filter, ...page, signal: context.signal })
      return {
        people: found.accounts.map(personJson),
        next: nextPage(context, { filter: search, order: page.order, after: found.next }),
      }
    },
  )

const flag = (value: 'true' | 'false' | undefined): boolean | undefined =>
  value === undefined ? undefined : value === 'true'

const listUnits = ({ accountDirectory }: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/units',
      access: 'admin',
      tag: 'People',
      operationId: 'listUnits',
      summary: 'List units',
      description: 'The flats, rooms or houses that accounts belong to, up to 1,000.',
      isHeavy: () => true,
      answers: {
        200: { description: 'All units', schema: UnitsAnswer },
        ...HEAVY_READ_REFUSED,
      },
    },
    async () => unitsJson(await accountDirectory.units()),
  )

const read = (deps: Dependencies) =>
  endpoint(
    {
      method: 'GET',
      path: '/v1/people/:id',
      access: 'admin',
      scope: 'people:read',
      tag: 'People',
      operationId: 'getPerson',
      summary: 'Get an account',
      params: PersonParams,
      answers: {
        200: { description: 'The account', schema: PersonAnswer, example: PERSON_EXAMPLE },
        404: NO_SUCH_ACCOUNT,
      },
    },
    ({ params }) => describe(deps, params.id),
  )

const describe = async ({ accountDirectory }: Dependencies, publicId: string) => {
  const account = await accountDirectory.find(publicId)
  if (!account) throw new AppError('not_found', 'No such account')
  return personJson(account)
}

const change = (deps: Dependencies) =>
  endpoint(
    {
      method: 'PATCH',
      path: '/v1/people/:id',
      access: 'admin',
      limits: ['changes'],
      tag: 'People',
      operationId: 'updatePerson',
      summary: 'Change a role, unit or end date, let a person in, disable or enable an account',
      description:
        'Admins can let members in, make them wait again, disable and enable them, and set their unit and ' +
        'end date; null or an empty text clears it. Only ' +
        'owners can change roles, or change admins and owners. A raised role lets the person in; ' +
        'admins and owners never wait, and nobody makes themselves wait. Demoting and disabling ' +
        'end the account’s sessions. From its end date on, an account is treated as disabled; ' +
        'nobody ends their own, and one owner has no end date. Other fields are ignored.',
      params: PersonParams,
      body: PersonBody,
      answers: {
        200: {
          description: 'The account after the change',
          schema: PersonAnswer,
          example: PERSON_EXAMPLE,
        },
        400: invalid(PersonBody, 'role'),
        403: REFUSED,
        404: NO_SUCH_ACCOUNT,
        409: [LAST_OWNER, ALWAYS_ADMITTED, OWN_ACCOUNT],
      },
    },
    async ({ params, caller, body: { ends_at: endsAt, ...body } }) => {
      const endsAtMs = typeof endsAt === 'string' ? endOf(endsAt) : endsAt
      await deps.administration.change({ by: caller, publicId: params.id, ...body, endsAtMs })
      return describe(deps, params.id)
    },
  )

const endOf = (time: string): number => {
  const endsAtMs = timeMs(time)
  if (endsAtMs === undefined) throw notAccepted({ ends_at: acceptedBy(Time) })
  return endsAtMs
}

const beginReset = ({ administration }: Dependencies) =>
  endpoint(
    {
      method: 'POST',
      path: '/v1/people/:id/password-reset',
      access: 'admin',
      limits: ['changes'],
      tag: 'People',
      operationId: 'createPasswordResetCode',
      summary: 'Create a password reset code',
      description:
        'Returns a one-time code to hand to the person, who redeems it at `POST /v1/password-reset`. ' +
        `It is valid for ${RESET_MINUTES} minutes and replaces the previous one; the old password keeps ` +
        'working until then. Admins may do this for members, owners for everyone, and nobody for ' +
        'themselves.',
      params: PersonParams,
      answers: {
        200: {
          description: 'The code, shown only once',
          schema: CodeAnswer,
          example: {
            code: '7QJK-0M3V-X8TB-4ZPN-HC5W-9RFD-2YGE',
            expires_at: '2026-11-22T19:00:02.125Z',
          },
        },
        403: REFUSED,
        404: NO_SUCH_ACCOUNT,
        409: OWN_ACCOUNT,
      },
    },
    async ({ params, caller }) => {
      const reset = await administration.beginReset({ by: caller, publicId: params.id })
      return { code: reset.code, expires_at: new Date(reset.expiresAtMs).toISOString() }
    },
  )

const erase = ({ administration }: Dependencies) =>
  endpoint(
    {
      method: 'DELETE',
      path: '/v1/people/:id',
      access: 'admin',
      limits: ['changes'],
      tag: 'People',
      operationId: 'erasePerson',
      summary: 'Erase an account',
      description:
        'Deletes the account with its sessions and other data. Removes its name and methods ' +
        'from the unlock log, whose proofs stay valid, and its addresses from the audit events. ' +
        'This cannot be undone. Admins can erase members, and owners everyone but the last ' +
        'owner. For your own account, see `/v1/me`.',
      params: PersonParams,
      answers: {
        200: message('The account is erased', 'Account erased'),
        403: REFUSED,
        404: NO_SUCH_ACCOUNT,
        409: [LAST_OWNER, OWN_ACCOUNT],
      },
    },
    async ({ params, caller }) => {
      await administration.erase({ by: caller, publicId: params.id })
      return { msg: 'Account erased' }
    },
  )
