import type { TSchema } from '@sinclair/typebox'
import { AppError } from '../../errors.ts'

/** Which control characters a text accepts: none, line breaks and tabs, or any. */
export const CONTROLS = Symbol('controls')
type Controls = 'none' | 'whitespace' | 'any'

const ACCEPTING = Symbol('accepting')

/** Says in words what a pattern accepts; part of a schema. */
export const accepting = (words: string) => ({ [ACCEPTING]: words })

/** Returns the refusal of fields or parameters by their names, which says what each accepts, and never what
 * was sent. */
export const notAccepted = (fields: Readonly<Record<string, string>>): AppError => {
  const words = Object.entries(fields).map(([name, accepted]) => `${name}: ${accepted}`)
  return new AppError('invalid', `Invalid ${words.join('; ')}`, {
    contractMessage: `Invalid ${Object.keys(fields).join(', ')}`,
    fields,
  })
}

type Schema = TSchema & {
  readonly [CONTROLS]?: Controls
  readonly [ACCEPTING]?: string
  readonly anyOf?: readonly Schema[]
  readonly const?: string
  readonly type?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly examples?: readonly unknown[]
}

/** Returns what a field or parameter accepts, in words: `text, 1 to 64 characters, no control characters`. */
export const acceptedBy = (schema: Schema): string => {
  const { [ACCEPTING]: words, [CONTROLS]: controls, anyOf, type, examples = [] } = schema
  if (words !== undefined) return [words, ...examples.slice(0, 1).map(asExample)].join(', ')
  if (anyOf) return listed(anyOf.filter((one) => one.type !== 'null').map(acceptedBy))
  if (schema.const !== undefined) return schema.const
  if (type === 'boolean') return 'true or false'
  if (type === 'integer') return `a whole number${range(schema.minimum, schema.maximum)}`
  return ['text', ...lengths(schema), ...NO_CONTROLS[controls ?? 'any']].join(', ')
}

const asExample = (example: unknown): string =>
  `such as ${typeof example === 'string' ? example : JSON.stringify(example)}`

const listed = (choices: readonly string[]): string =>
  choices.length < 2
    ? choices.join('')
    : `${choices.slice(0, -1).join(', ')} or ${String(choices.at(-1))}`

const range = (min?: number, max?: number): string => {
  if (max === undefined || max === Number.MAX_SAFE_INTEGER)
    return min === undefined ? '' : `, at least ${min}`
  return ` from ${min ?? 0} to ${max}`
}

const lengths = ({ minLength = 0, maxLength }: Schema): readonly string[] => {
  if (maxLength === undefined) return []
  return [
    minLength > 0 ? `${minLength} to ${maxLength} characters` : `up to ${maxLength} characters`,
  ]
}

const NO_CONTROLS = {
  none: ['no control characters'],
  whitespace: ['no control characters except line breaks and tabs'],
  any: [],
} as const
