import { type TObject, type TSchema, Type as t } from '@sinclair/typebox'
import type { DocumentDecoration } from 'elysia'
import type { Scope } from '../../domain/account.ts'
import {
  type Answer,
  type Answers,
  Message,
  type MessageExample,
  RateLimited,
  message,
  problem,
} from '../answers.ts'
import type { Access } from '../authorization.ts'
import { problemCode } from '../errors.ts'
import type { DocumentSchema } from './schemas.ts'

/** What the document says about an endpoint. */
export type Description = {
  readonly access: Access
  /** The scope that an access token needs. Without one, access tokens can only call public endpoints. */
  readonly scope?: Scope
  readonly tag: Tag
  /** The name of the method in a generated client. */
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly body?: TSchema
  readonly query?: TObject
  readonly params?: TObject
  readonly headers?: TObject
  readonly answers: Answers
}

type Tag =
  | 'Accounts'
  | 'Sessions'
  | 'Access tokens'
  | 'Second factor'
  | 'Invitations'
  | 'People'
  | 'Audit'
  | 'Locks'
  | 'Controllers'
  | 'Grants'
  | 'Guests'
  | 'Targets'
  | 'Unlocks'
  | 'Log'
  | 'Backups'
  | 'Settings'
  | 'Tables'
  | 'Health'
  | 'Pages'

/** Describes an operation, but only once someone reads the document: this keeps starts fast. */
export const documentOf =
  (described: Description) =>
  (path: string, schemaOf: DocumentSchema): DocumentDecoration => {
    const { access, scope, tag, operationId, summary, description, body, answers } = described
    const content = contentWith(schemaOf)
    // TypeBox schemas are JSON Schema, which the types of OpenAPI do not know.
    return {
      operationId,
      summary,
      ...(description ? { description } : {}),
      tags: [tag],
      'x-access': access,
      security: [...SECURITY[access], ...(scope ? [{ accessToken: [scope] }] : [])],
      parameters: parameters(described, schemaOf),
      ...(body ? { requestBody: { required: true, content: content(bodyAnswer(body)) } } : {}),
      responses: responses(path, content, [commonAnswers(described), answers]),
    } as DocumentDecoration
  }

const parameters = ({ query, params, headers }: Description, schemaOf: DocumentSchema) =>
  Object.entries({ query, path: params, header: headers }).flatMap(([place, group]) =>
    Object.entries(group?.properties ?? {}).map(([name, { description, ...schema }]) => ({
      name,
      in: place,
      required: group?.required?.includes(name) ?? false,
      ...(typeof description === 'string' ? { description } : {}),
      schema: schemaOf(schema),
    })),
  )

/** Returns the example that Swagger UI starts a request with: that of the schema, or of each field. */
const bodyAnswer = (body: TSchema) => ({
  schema: body,
  example:
    firstExample(body) ??
    Object.fromEntries(
      Object.entries<TSchema>(body['properties'] ?? {}).map(([name, field]) => [
        name,
        firstExample(field),
      ]),
    ),
})

const firstExample = (schema: TSchema): unknown => schema.examples?.[0]

const BEARER = [{ bearer: [] }, { cookie: [] }]

const SECURITY: Readonly<Record<Access, Record<string, string[]>[]>> = {
  public: [],
  tables: [{ basic: [] }, ...BEARER],
  metrics: BEARER,
  controller: [{ controller: [] }],
  guest: [{ guest: [] }],
  member: BEARER,
  admin: BEARER,
  owner: BEARER,
}

const commonAnswers = ({ access, scope, body }: Description): Record<number, Answer> => {
  const isGuarded = access !== 'public' && access !== 'tables'
  const isDevice = access === 'controller' || access === 'guest'
  return {
    413: message('The body is larger than the limit', 'Request body too large'),
    ...(isGuarded ? { 401: message(TOKEN_FAULTS, 'There is an error with this token') } : {}),
    ...(scope
      ? {
          403: message(SCOPE_FAULTS, {
            msg: `This needs an access token with the scope ${scope}`,
            code: 'scope_required',
          }),
        }
      : {}),
    ...(isGuarded && access !== 'member' && !isDevice
      ? { 403: message(ROLE_FAULTS, `Only an ${access} may do this`) }
      : {}),
    429: {
      description: 'Over a limit; `Retry-After` says how many seconds to wait',
      schema: RateLimited,
      example: { error: 'ratelimit exceeded' },
    },
    500: message('A bug in the server; its log has the cause, by `X-Request-Id`', 'Internal error'),
    ...(isGuarded || body ? { 503: message(BUSY, 'The disk is full') } : {}),
  }
}

const TOKEN_FAULTS =
  'The token is missing, malformed, expired, revoked or forged, or its account is gone'
const SCOPE_FAULTS = 'An access token without the scope (`scope_required`)'
const ROLE_FAULTS =
  'The role is too low, or (`second_factor_required`) held back until a second factor is set up'
const BUSY =
  'The disk does not accept it now, or too many requests are waiting; `Retry-After` says when to try again'

/** Merges tables of answers. Answers of one status are both kept if their content types differ, otherwise
 * the later one is. */
const responses = (path: string, content: Content, tables: readonly Description['answers'][]) => {
  const byStatus = new Map<string, Answer[]>()
  for (const table of tables)
    for (const [status, answers] of Object.entries(table)) {
      const known = byStatus.get(status) ?? []
      const added = [answers].flat()
      const types = new Set(added.map(contentTypeOf))
      byStatus.set(status, [...known.filter((one) => !types.has(contentTypeOf(one))), ...added])
    }
  return Object.fromEntries(
    [...byStatus].map(([status, answers]) => [
      status,
      {
        description: answers.map((one) => one.description).join('; '),
        content:
          Number(status) === NO_CONTENT
            ? {}
            : (Object.assign(
                {},
                ...answers.map((one) => content(givenAt(path, Number(status), one))),
              ) as Record<string, unknown>),
      },
    ]),
  )
}

const NO_CONTENT = 204

const contentTypeOf = ({ contentType = 'application/json' }: Answer): string => contentType

/** Returns an error as error-answers.ts sends it at this path: under `/v1` it is problem details. */
const givenAt = (path: string, status: number, answer: Answer): Answer =>
  path.startsWith('/v1/') && status >= 400 && answer.schema === Message
    ? problem(status, problemCode(status), (answer.example as MessageExample).msg)
    : answer

type Content = (answer: Partial<Answer>) => Record<string, object>

const contentWith =
  (schemaOf: DocumentSchema): Content =>
  ({ schema = t.String(), example, examples, contentType = 'application/json' }) => ({
    [contentType]: {
      schema: schemaOf(schema),
      ...(example === undefined ? {} : { example }),
      ...(examples
        ? {
            examples: Object.fromEntries(
              Object.entries(examples).map(([k, value]) => [k, { value }]),
            ),
          }
        : {}),
    },
  })
