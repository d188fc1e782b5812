import type { Static, TObject, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { AppError } from '../../errors.ts'
import { acceptedBy, notAccepted } from './accepted.ts'

/** Returns the query parameters of a request by a schema of strings and integers. A `+` that was not escaped
 * arrives as a space; it is read where a space is not accepted, as in a time with an offset. Throws `invalid`, which
 * names parameters that are unknown, repeated or wrong, but never their values. */
export const readQuery = <Query extends TObject>(
  request: Request,
  schema: Query,
): Static<Query> => {
  const given = addressOf(request).searchParams
  const unknown = [...new Set(given.keys())].filter(
    (name) => !Object.hasOwn(schema.properties, name),
  )
  if (unknown.length > 0) {
    const known = Object.keys(schema.properties).join(', ')
    throw new AppError('invalid', `Unknown parameter; there are ${known}`)
  }
  const values: Record<string, unknown> = {}
  const invalid: Record<string, string> = {}
  for (const [name, property] of Object.entries(schema.properties)) {
    const texts = given.getAll(name)
    const [text] = texts
    if (text === undefined) continue
    values[name] = converted(property, text)
    if (texts.length > 1) invalid[name] = 'at most once'
    else if (!Value.Check(property, values[name])) invalid[name] = acceptedBy(property)
  }
  const missing = (schema.required ?? []).filter((name) => !(name in values))
  if (missing.length > 0) throw notGiven(missing, schema)
  if (Object.keys(invalid).length > 0) throw notAccepted(invalid)
  return values
}

const notGiven = (names: readonly string[], { properties }: TObject): AppError => {
  const accepted = names.flatMap((name) => {
    const property = properties[name]
    return property ? [[name, acceptedBy(property)]] : []
  })
  return new AppError('invalid', `Missing ${names.join(', ')}`, {
    fields: Object.fromEntries(accepted),
  })
}

/** Returns path and query of a request. Its host is replaced, because the client sends it (Host), and it
 * may be invalid. */
export const addressOf = ({ url }: Request): URL =>
  new URL(`http://localhost${url.replace(/^[a-z]+:\/\/[^/]*/i, '')}`)

const converted = (schema: TSchema, text: string): unknown => {
  if (schema['type'] === 'integer' && /^\d{1,16}$/.test(text)) return Number(text)
  const isAccepted: boolean = !text.includes(' ') || Value.Check(schema, text)
  return isAccepted ? text : text.replaceAll(' ', '+')
}
