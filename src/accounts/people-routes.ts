import { AppError } from '../errors.ts'
import type { Endpoints } from '../http/endpoints.ts'
import type { ReadBody } from '../http/json-body.ts'
import { message, operation, problem } from '../http/operation.ts'
import { type Answered, nextPage, pageOf } from '../http/paging.ts'
import { readQuery } from '../http/query.ts'
import type { AccountAdministration } from './administration.ts'
import { RESET_MINUTES } from './change-store.ts'
import {
  CodeAnswer,
  PERSON_EXAMPLE,
  PeopleAnswer,
  PeopleQuery,
  PersonAnswer,
  PersonBody,
  PersonParams,
  personJson,
} from './people-schema.ts'
import type { AccountDirectory } from './people-store.ts'

type Dependencies = {
  readonly endpoints: Endpoints
  readonly readBody: ReadBody
  readonly people: AccountDirectory
  readonly administration: AccountAdministration
}

/** The people of this door, for admins and owners. */
export const peopleRoutes = (deps: Dependencies) => {
  const { endpoints, readBody, people, administration } = deps

  const described = async (publicId: string) => {
    const person = await people.find(publicId)
    if (!person) throw new AppError('not_found', 'No such account')
    return personJson(person)
  }

  return endpoints
    .group('default')
    .get('/v1/people', (asked) => list(people, asked), LIST)
    .get('/v1/people/:id', ({ params }) => described(params.id), READ)
    .use(endpoints.changeLimits())
    .patch(
      '/v1/people/:id',
      async ({ request, params, caller }) => {
        const wish = await readBody(request, PersonBody)
        await administration.change({ by: caller, publicId: params.id, ...wish })
        return described(params.id)
      },
      CHANGE,
    )
    .post(
      '/v1/people/:id/password-reset',
      async ({ params, caller }) => {
        const reset = await administration.beginReset({ by: caller, publicId: params.id })
        return { code: reset.code, expires_at: new Date(reset.expiresAtMs).toISOString() }
      },
      BEGIN_RESET,
    )
    .delete(
      '/v1/people/:id',
      async ({ params, caller }) => {
        await administration.erase({ by: caller, publicId: params.id })
        return { msg: 'Account erased' }
      },
      ERASE,
    )
}

const list = async (people: AccountDirectory, asked: Answered) => {
  const query = readQuery(asked.request, PeopleQuery)
  const { text, role, disabled } = query
  const search = { text, role, disabled }
  const page = pageOf(query, search)
  const isDisabled = disabled === undefined ? undefined : disabled === 'true'
  const found = await people.page({ filter: { text, role, isDisabled }, ...page })
  return {
    people: found.people.map(personJson),
    next: nextPage(asked, { filter: search, order: page.order, after: found.next }),
  }
}

const NO_SUCH_ACCOUNT = problem(404, 'not_found', 'No such account')

const REFUSED = problem(
  403,
  'owner_needed',
  'Only an owner changes admins and owners, and makes them',
)

const LAST_OWNER = problem(409, 'last_owner', 'This is the last owner; make another one first')
const OWN_ACCOUNT = problem(409, 'own_account', 'This is your own account; see /v1/me')

const LIST = operation({
  access: 'admin',
  tag: 'People',
  summary: 'Who has an account',
  description:
    'In the order they were registered, the newest first unless asked otherwise. A page may hold fewer than `limit`, even none, and still ' +
    'have a `next`: one request goes through 20,000 accounts at the most. `next` also comes as ' +
    '`Link` (RFC 8288) and holds for the same filter.',
  query: PeopleQuery,
  answers: {
    200: {
      description: 'A page',
      schema: PeopleAnswer,
      example: { people: [PERSON_EXAMPLE], next: 'bmV3ZXN0LjQxLnhxN0xkMTJhYkNkRQ' },
    },
    400: problem(400, 'invalid', 'Invalid role'),
  },
})

const READ = operation({
  access: 'admin',
  tag: 'People',
  summary: 'One person',
  params: PersonParams,
  answers: {
    200: { description: 'The account', schema: PersonAnswer, example: PERSON_EXAMPLE },
    404: NO_SUCH_ACCOUNT,
  },
})

const CHANGE = operation({
  access: 'admin',
  tag: 'People',
  summary: 'Change a role, disable or enable',
  description:
    'Admins disable and enable members; only an owner gives roles, and changes admins and owners. ' +
    'A lower role and disabling end the person’s sessions. Other fields change nothing.',
  params: PersonParams,
  body: PersonBody,
  answers: {
    200: { description: 'The account as it now is', schema: PersonAnswer, example: PERSON_EXAMPLE },
    400: problem(400, 'invalid', 'Invalid role'),
    403: REFUSED,
    404: NO_SUCH_ACCOUNT,
    409: LAST_OWNER,
  },
})

const BEGIN_RESET = operation({
  access: 'admin',
  tag: 'People',
  summary: 'Let a person choose a new password',
  description:
    'Gives a one-time code to hand to the person, who redeems it at `POST /v1/password-reset`. It ' +
    `is good for ${RESET_MINUTES} minutes and voids the one before; the old password goes on until ` +
    'then. Admins do this for members, owners for all; nobody for themselves.',
  params: PersonParams,
  answers: {
    200: {
      description: 'The code, shown this once',
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
})

const ERASE = operation({
  access: 'admin',
  tag: 'People',
  summary: 'Erase a person',
  description:
    'Deletes the account with its sessions and all else that is its own, and removes the name and ' +
    'the methods from the unlock log, whose proofs still hold, and the addresses from the audit ' +
    'trail. It cannot be undone. Admins erase members, owners all but the last owner; for one’s ' +
    'own account there is `/v1/me`.',
  params: PersonParams,
  answers: {
    200: message('The person is forgotten', 'Account erased'),
    403: REFUSED,
    404: NO_SUCH_ACCOUNT,
    409: [LAST_OWNER, OWN_ACCOUNT],
  },
})
