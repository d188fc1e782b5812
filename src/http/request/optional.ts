import {
  type Static,
  type TOptional,
  type TSchema,
  type TUnsafe,
  Type as t,
} from '@sinclair/typebox'
import { nullable } from './text.ts'

/** Marks a field that may be empty, with the value that an empty one stands for; undefined if it is
 * then left out. */
const EMPTY = Symbol('empty')

/** Returns a field of a body that creates something: absent, null and empty mean the same. */
export const optional = <Field extends TSchema>(field: Field): TOptional<Field> =>
  marked(field, undefined) as unknown as TOptional<Field>

/** Returns a field of a body that changes something: absent leaves it, null or empty clears it, which
 * `cleared` stands for. Any other optional field of such a body cannot be cleared. */
export const clearable = <Field extends TSchema, const Cleared extends '' | null>(
  field: Field,
  cleared: Cleared,
) => marked(field, cleared) as unknown as TOptional<TUnsafe<Static<Field> | Cleared>>

const marked = (field: TSchema, empty: '' | null | undefined) => {
  const { description, examples, default: byDefault } = field
  return t.Optional({
    ...nullable(field),
    ...(description === undefined ? {} : { description }),
    ...(examples === undefined ? {} : { examples }),
    ...(byDefault === undefined ? {} : { default: byDefault }),
    [EMPTY]: empty,
  })
}

/** Returns the fields of a body that a schema lists, with empty ones as they are marked. */
export const givenFields = (
  body: Readonly<Record<string, unknown>>,
  properties: Readonly<Record<string, TSchema & { readonly [EMPTY]?: unknown }>>,
): Readonly<Record<string, unknown>> => {
  const given: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(properties)) {
    if (!Object.hasOwn(body, name)) continue
    const value = body[name]
    if (!(EMPTY in field) || !isEmpty(value)) given[name] = value
    else if (field[EMPTY] !== undefined) given[name] = field[EMPTY]
  }
  return given
}

const isEmpty = (value: unknown): boolean =>
  value === null || (typeof value === 'string' && value.trim() === '')
