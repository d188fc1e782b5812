import { Kind, type TSchema, type TUnsafe, Type as t, TypeRegistry } from '@sinclair/typebox'
import { DEFAULT_LOCK } from '../../domain/access.ts'
import { CONTROLS, accepting } from './accepted.ts'

type TextOptions = {
  readonly min?: number
  readonly max?: number
  /** Which control characters are accepted: none, line breaks and tabs, or any. */
  readonly controls?: 'none' | 'whitespace' | 'any'
  /** Counts the length as typed, for passwords. */
  readonly isAsTyped?: boolean
  readonly description?: string
  readonly examples?: readonly string[]
}

/** Returns a string schema whose length counts code points, as in JSON Schema, of the text as people see it:
 * composed (NFC), without the space around it. It rejects lone surrogates and, by default, control
 * characters: what it accepts is stored as it is. */
export const text = ({
  min = 0,
  max,
  controls = 'none',
  isAsTyped = false,
  ...rest
}: TextOptions): TUnsafe<string> =>
  t.Unsafe<string>({
    [Kind]: 'Text',
    type: 'string',
    minLength: min,
    ...(max === undefined ? {} : { maxLength: max }),
    ...(controls === 'none' ? { pattern: NO_CONTROLS } : {}),
    ...rest,
    [CONTROLS]: controls,
    [AS_TYPED]: isAsTyped,
  })

/** For readers of the OpenAPI document; `isText` does the check. */
const NO_CONTROLS = String.raw`^[^\u0000-\u001f\u007f-\u009f]*$`

const AS_TYPED = Symbol('as typed')

/** Code points into which canonical decomposition takes one at most (Unicode Standard Annex 15). */
const DECOMPOSED_MAX = 4

const FORBIDDEN = {
  none: /\p{Cc}/u,
  whitespace: /(?![\t\n\r])\p{Cc}/u,
  any: undefined,
} as const

type TextSchema = TSchema & {
  readonly [CONTROLS]?: keyof typeof FORBIDDEN
  readonly [AS_TYPED]?: boolean
}

const isText = (schema: TextSchema, value: unknown): boolean => {
  if (typeof value !== 'string') return false
  // Nearly every text is plain, and passes all the rules below.
  if (PLAIN.test(value)) return isWithin(schema, value.length)
  if (!value.isWellFormed()) return false
  if (FORBIDDEN[schema[CONTROLS] ?? 'none']?.test(value)) return false
  const max = Number(schema['maxLength'] ?? Infinity)
  // Bounds what is stored, and normalising, which takes quadratic time in a run of combining marks.
  if (codePoints(value) > max * DECOMPOSED_MAX) return false
  return isWithin(schema, codePoints(schema[AS_TYPED] ? value : value.normalize('NFC').trim()))
}

/** Matches printable ASCII without spaces around it. */
const PLAIN = /^[!-~](?:[ -~]*[!-~])?$/

const isWithin = (schema: TextSchema, length: number): boolean =>
  length >= Number(schema['minLength']) && length <= Number(schema['maxLength'] ?? Infinity)

/** Returns a value from a database as text, or undefined if it is not text or was not well-formed UTF-8. */
export const plainText = (value: unknown): string | undefined => {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  return typeof value === 'string' && !value.includes('\uFFFD') ? value : undefined
}

/** The label of a lock. */
export const LockLabel = t.String({
  pattern: '^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$',
  description: 'Which lock: lower-case letters, digits and hyphens',
  examples: [DEFAULT_LOCK],
  ...accepting('1 to 32 lower-case letters and digits, with hyphens between'),
})

/** A time in a request. */
export const Time = t.String({
  pattern: String.raw`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$`,
  description: 'RFC 3339',
  examples: ['2026-11-22T18:30:00Z'],
  ...accepting('a time as in RFC 3339'),
})

/** Returns a Time as milliseconds since 1970, or undefined for a date that does not exist, such as 30
 * February, or is outside the years 0 to 9999, which RFC 3339 cannot express. */
export const timeMs = (time: string): number | undefined => {
  try {
    const ms = Temporal.Instant.from(time).epochMilliseconds
    return ms >= TIME_MS_MIN && ms <= TIME_MS_MAX ? ms : undefined
  } catch {
    return undefined
  }
}

const TIME_MS_MIN = Date.parse('0000-01-01T00:00:00Z')
const TIME_MS_MAX = Date.parse('9999-12-31T23:59:59.999Z')

const UUID = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'

/** A UUID in an answer. */
export const Uuid = t.String({ pattern: UUID, examples: ['0193c6a8-5f0e-7c3a-9b1d-2e4f6a8b0c1d'] })

/** A UUID as a caller may write it (RFC 9562 accepts upper case); stored in lower case. */
export const GivenUuid = t.String({
  pattern: UUID.replaceAll('a-f', 'A-Fa-f'),
  examples: Uuid.examples,
  ...accepting('a UUID'),
})

/** Returns the schema of one of these words. */
export const oneOf = <const Words extends readonly string[]>(words: Words) =>
  t.Unsafe<Words[number]>({ ...t.Union(words.map((word) => t.Literal(word))) })

/** Returns the schema of a value that may also be null. */
export const nullable = <Value extends TSchema>(value: Value) => t.Union([value, t.Null()])

/** Returns a schema for the OpenAPI document alone: the reader of the field says more about what is wrong
 * with it. */
export const described = (
  schema: TSchema,
  words: { readonly description: string; readonly examples: readonly unknown[] },
): TUnsafe<unknown> => t.Unsafe<unknown>({ ...schema, ...words, [Kind]: 'Described' })

/** Returns the number of code points of a string. */
export const codePoints = (value: string): number => Array.from(value).length

TypeRegistry.Set('Text', isText)
TypeRegistry.Set('Described', () => true)
