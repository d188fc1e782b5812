import type { Hours } from '../domain/home-event.ts'
import { AppError } from '../errors.ts'

/** A setting or secret of a kind of target. */
type Field = {
  /** Describes accepted values. */
  readonly words: string
  readonly isOptional?: true
  /** Returns the value as stored, or undefined if it is not accepted. */
  readonly parse: (value: unknown) => unknown
}

export type Fields = Readonly<Record<string, Field>>

type Contents = Readonly<Record<string, unknown>>

/** Returns a stored text, or undefined if there is none. */
export const textOf = (contents: Contents, name: string): string | undefined => {
  const value = contents[name]
  return typeof value === 'string' ? value : undefined
}

/** Returns settings or secrets as they are stored. Throws `invalid` for an unknown name or value, without repeating the
 * value. */
export const acceptedContents = (fields: Fields, given: Contents): Contents => {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(fields, name)) throw invalidField(name, namesOf(fields))
  const accepted: Record<string, unknown> = {}
  for (const [name, { words, isOptional, parse }] of Object.entries(fields)) {
    const value = given[name]
    if (isOptional && (value === undefined || value === '')) continue
    const stored = parse(value)
    if (stored === undefined) throw invalidField(name, words)
    accepted[name] = stored
  }
  return accepted
}

const namesOf = (fields: Fields): string => {
  const names = Object.keys(fields)
  return names.length > 0 ? `this kind takes ${names.join(', ')}` : 'this kind takes none'
}

const invalidField = (name: string, words: string): AppError =>
  new AppError('invalid', `Invalid ${name}: ${words}`, { fields: { [name]: words } })

/** Text that matches a pattern. A number is converted to text. */
export const matching = (pattern: RegExp, words: string): Field => ({
  words,
  parse: (value) => {
    const text = typeof value === 'number' ? String(value) : value
    return typeof text === 'string' && pattern.test(text) ? text : undefined
  },
})

export const integerBetween = (from: number, to: number): Field => ({
  words: `a whole number from ${from} to ${to}`,
  parse: (value) =>
    Number.isInteger(value) && Number(value) >= from && Number(value) <= to ? value : undefined,
})

export const optionalField = (field: Field): Field => ({ ...field, isOptional: true })

const TIME = /^([01]\d|2[0-3]):[0-5]\d$/

/** Hours in which nothing is sent. */
export const quietHours: Field = {
  words: 'hours that begin and end at different times, such as 22:00 and 06:00',
  isOptional: true,
  parse: (value) => {
    const { from, to } = (value ?? {}) as Partial<Hours>
    return TIME.test(from ?? '') && TIME.test(to ?? '') && from !== to ? { from, to } : undefined
  },
}
