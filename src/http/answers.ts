import { type TObject, type TSchema, Type as t } from '@sinclair/typebox'
import { titleOf } from './errors.ts'
import { acceptedBy, notAccepted } from './request/accepted.ts'

/** A documented answer: JSON that follows `schema`, or text of another `contentType`. */
export type Answer<Schema extends TSchema = TSchema> = {
  readonly description: string
  readonly schema?: Schema
  readonly example?: unknown
  /** Several examples, each named for what it shows. */
  readonly examples?: Readonly<Record<string, unknown>>
  readonly contentType?: string
}

/** The answers of an endpoint by status; several for one status if their content types differ. */
export type Answers = Readonly<Record<number, Answer | readonly Answer[]>>

export const Message = t.Object(
  {
    msg: t.String({ description: 'What happened, in words' }),
    code: t.Optional(t.String({ description: 'Stable, for programs, if a status is not enough' })),
  },
  { $id: 'Message', additionalProperties: false },
)

export type MessageExample = { readonly msg: string; readonly code?: string }

/** Documents a `{"msg"}` answer, or `{"msg", "code"}`. */
export const message = (
  description: string,
  ...given: readonly (string | MessageExample)[]
): Answer & { readonly schema: typeof Message } => {
  const examples = given.map((example) =>
    typeof example === 'string' ? { msg: example } : example,
  )
  return {
    description,
    schema: Message,
    ...(examples.length === 1
      ? { example: examples[0] }
      : { examples: Object.fromEntries(examples.map((example) => [example.msg, example])) }),
  }
}

/** Documents a `{"msg", "code"}` answer by its codes: errors that a program distinguishes. */
export const coded = (description: string, faults: Readonly<Record<string, string>>) =>
  message(description, ...Object.entries(faults).map(([code, msg]) => ({ msg, code })))

/** What a limit on requests answers. */
export const RateLimited = t.Object(
  { error: t.String() },
  { $id: 'RateLimited', additionalProperties: false },
)

const Problem = t.Object(
  {
    type: t.Literal('about:blank'),
    title: t.String(),
    status: t.Integer(),
    detail: t.String({ description: 'What happened, in words' }),
    code: t.String({ description: 'Stable, for programs' }),
    fields: t.Optional(
      t.Record(t.String(), t.String(), {
        description: 'What each field or parameter that was not accepted accepts, by its name',
      }),
    ),
  },
  { $id: 'Problem', additionalProperties: false },
)

/** The refusal of a read that would be one too many; see heavy-reads.ts. */
export const READ_RUNNING =
  'Another long read of your account is running; try again when it is done'

/** Documents an RFC 9457 answer, the form of all errors under `/v1`. */
export const problem = (status: number, code: string, detail: string): Answer => ({
  description: detail,
  schema: Problem,
  example: { type: 'about:blank', title: titleOf(status), status, detail, code },
  contentType: 'application/problem+json',
})

/** Documents the refusal of a field of a body or a parameter of a query, named by its schema. */
export const invalid = <Schema extends TObject>(
  schema: Schema,
  name: string & keyof Schema['properties'],
): Answer => {
  const { message: detail } = notAccepted({ [name]: acceptedBy(schema.properties[name]) })
  return problem(400, 'invalid', detail)
}

/** The answer of heavy reads under `/v1` if there is no place for one more. */
export const HEAVY_READ_REFUSED = { 429: problem(429, 'rate_limited', READ_RUNNING) }
