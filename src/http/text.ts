import { Kind, type TSchema, type TUnsafe, TypeRegistry } from '@sinclair/typebox'
import { t } from 'elysia'

type TextOptions = {
  readonly min?: number
  readonly max?: number
  /** Lets line breaks and tabs pass, or every control character. */
  readonly controls?: 'none' | 'whitespace' | 'any'
  readonly description?: string
  readonly examples?: readonly string[]
}

/** A string schema whose length counts code points, as JSON Schema has it, and that refuses lone
 * surrogates and, unless told otherwise, control characters: what passes is stored as it is. */
export const text = ({ min = 0, max, controls = 'none', ...rest }: TextOptions): TUnsafe<string> =>
  t.Unsafe<string>({
    [Kind]: 'Text',
    type: 'string',
    minLength: min,
    ...(max === undefined ? {} : { maxLength: max }),
    ...(controls === 'none' ? { pattern: NO_CONTROLS } : {}),
    ...rest,
    [CONTROLS]: controls,
  })

/** For readers of the OpenAPI document; the check itself is below. */
const NO_CONTROLS = String.raw`^[^\u0000-\u001f\u007f-\u009f]*$`

const CONTROLS = Symbol('controls')

const FORBIDDEN = {
  none: /\p{Cc}/u,
  whitespace: /(?![\t\n\r])\p{Cc}/u,
  any: undefined,
} as const

const isText = (schema: TSchema & { [CONTROLS]?: keyof typeof FORBIDDEN }, value: unknown) => {
  if (typeof value !== 'string' || !value.isWellFormed()) return false
  if (FORBIDDEN[schema[CONTROLS] ?? 'none']?.test(value)) return false
  const length = codePoints(value)
  return length >= Number(schema['minLength']) && length <= Number(schema['maxLength'] ?? Infinity)
}

/** The number of code points of a string. */
export const codePoints = (value: string): number => Array.from(value).length

TypeRegistry.Set('Text', isText)
