import type { TSchema } from '@sinclair/typebox'
import { t } from 'elysia'
import { titleOf } from './errors.ts'

/** One documented answer: JSON by `schema`, or text of another `contentType`. */
export type Answer<Schema extends TSchema = TSchema> = {
  readonly description: string
  readonly schema?: Schema
  readonly example?: unknown
  /** Several examples, by what they show. */
  readonly examples?: Readonly<Record<string, unknown>>
  readonly contentType?: string
}

/** The answers of an endpoint by status; of one status several, if they differ by content type. */
export type Answers = Readonly<Record<number, Answer | readonly Answer[]>>

export const Message = t.Object(
  {
    msg: t.String({ description: 'What happened, in words' }),
    code: t.Optional(
      t.String({ description: 'Stable, for programs, where a status is not enough' }),
    ),
  },
  { additionalProperties: false },
)

export type MessageExample = { readonly msg: string; readonly code?: string }

/** A documented `{"msg"}` answer, or `{"msg", "code"}`. */
export const message = (
  description: string,
  ...given: readonly (string | MessageExample)[]
): Answer & { readonly schema: typeof Message } => {
  const examples = given.map((one) => (typeof one === 'string' ? { msg: one } : one))
  return {
    description,
    schema: Message,
    ...(examples.length === 1
      ? { example: examples[0] }
      : { examples: Object.fromEntries(examples.map((one) => [one.msg, one])) }),
  }
}

/** A documented `{"msg", "code"}` answer, by code: faults that a program tells from one another. */
export const coded = (description: string, faults: Readonly<Record<string, string>>) =>
  message(description, ...Object.entries(faults).map(([code, msg]) => ({ msg, code })))

const Problem = t.Object(
  {
    type: t.Literal('about:blank'),
    title: t.String(),
    status: t.Integer(),
    detail: t.String({ description: 'What happened, in words' }),
    code: t.String({ description: 'Stable, for programs' }),
  },
  { additionalProperties: false },
)

/** A documented RFC 9457 answer, as everything under `/v1` gives errors. */
export const problem = (status: number, code: string, detail: string): Answer => ({
  description: detail,
  schema: Problem,
  example: { type: 'about:blank', title: titleOf(status), status, detail, code },
  contentType: 'application/problem+json',
})
