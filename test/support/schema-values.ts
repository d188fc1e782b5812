import fc from 'fast-check'
import type { Operation, Schema } from './openapi.ts'

/** One request, generated from the OpenAPI document of an operation. */
export type Call = {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** Requests of an operation: mostly as documented, each part occasionally a little wrong.
 * `knownIds` are ids of things that exist. */
export const callsOf = (
  name: string,
  { parameters = [], requestBody }: Operation,
  knownIds: readonly string[],
): fc.Arbitrary<Call> => {
  const [, template = ''] = name.split(' ')
  const placed = (place: 'path' | 'query' | 'header'): fc.Arbitrary<Texts> =>
    fc.record<Record<string, string>>(
      Object.fromEntries(
        parameters
          .filter((one) => one.in === place)
          .map(({ name: parameter, schema }) => [parameter, texts(schema, place, knownIds)]),
      ),
      place === 'path' ? {} : { requiredKeys: [] },
    )
  const schema = requestBody?.content['application/json']?.schema
  return fc
    .record({
      path: placed('path'),
      query: placed('query'),
      headers: placed('header'),
      body: schema ? bodies(schema) : fc.constant(undefined),
    })
    .map(({ path, query, headers, body }) => ({
      path: address(template, path, query),
      headers,
      body,
    }))
}

type Texts = Readonly<Record<string, string>>

const address = (template: string, path: Texts, query: Texts): string => {
  const filled = template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(path[name] ?? ''),
  )
  const search = new URLSearchParams(query).toString()
  return search === '' ? filled : `${filled}?${search}`
}

const texts = (
  schema: Schema,
  place: 'path' | 'query' | 'header',
  knownIds: readonly string[],
): fc.Arbitrary<string> => {
  const text = fc.oneof(
    {
      arbitrary: values(schema).map((value) =>
        typeof value === 'string' ? value : JSON.stringify(value),
      ),
      weight: 3,
    },
    { arbitrary: fc.constantFrom(...knownIds), weight: 1 },
  )
  if (place === 'header') return text.filter((one) => /^[\u0020-\u007E]+$/.test(one))
  const wellFormed = text.map((one) => one.toWellFormed())
  // Dot segments are resolved before sending, and would be a different path.
  return place === 'path' ? wellFormed.filter((one) => !/^(\.|%2e)*$/i.test(one)) : wellFormed
}

const bodies = (schema: Schema): fc.Arbitrary<string> =>
  fc.oneof(
    { arbitrary: values(schema).map((value) => JSON.stringify(value)), weight: 12 },
    { arbitrary: values(schema).map((value) => JSON.stringify(value).slice(0, -1)), weight: 1 },
    { arbitrary: fc.string({ unit: 'binary' }), weight: 1 },
  )

/** What has broken programs before. */
const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  1e308,
  [],
  {},
  { role: 'owner', id: 1, received_at: 1, toString: 1, length: -1 },
  '',
  '\u0000',
  '\uD800',
  '\u202E',
  '\r\nX-Forged: 1',
  '../../etc/passwd',
  "' OR 1=1 --",
  '=1+1',
  '__proto__',
  'NaN',
  '1e999',
  '١٢',
  '2026-13-45T25:61:61Z',
  '0000-00-00T00:00:00Z',
  '9999-12-31T23:59:59.999999999+23:59',
  'x'.repeat(5000),
]

/** Values of a schema; any part may be odd instead. */
const values = (schema: Schema): fc.Arbitrary<unknown> =>
  fc.oneof(
    { arbitrary: documented(schema), weight: 8 },
    ...(schema.examples ? [{ arbitrary: fc.constantFrom(...schema.examples), weight: 4 }] : []),
    { arbitrary: fc.constantFrom(...ODD), weight: 1 },
    { arbitrary: fc.jsonValue(), weight: 1 },
  )

const documented = (schema: Schema): fc.Arbitrary<unknown> => {
  const alternatives = schema.anyOf ?? schema.oneOf
  if (alternatives) return fc.oneof(...alternatives.map(values))
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (Array.isArray(schema.type))
    return fc.oneof(...schema.type.map((type) => values({ ...schema, type })))
  switch (schema.type) {
    case 'object':
      return fc.record(
        Object.fromEntries(
          Object.entries(schema.properties ?? {}).map(([name, one]) => [name, values(one)]),
        ),
        { requiredKeys: schema.required ?? [] },
      )
    case 'array':
      return fc.array(values(schema.items ?? {}), { maxLength: Math.min(schema.maxItems ?? 5, 5) })
    case 'string':
      return schema.pattern === undefined || schema.pattern.startsWith('^[^')
        ? fc.string({
            unit: 'grapheme',
            minLength: schema.minLength ?? 0,
            maxLength: schema.maxLength ?? 300,
          })
        : fc.stringMatching(new RegExp(schema.pattern))
    case 'integer':
      return fc.integer({
        min: schema.minimum ?? 0,
        max: Math.min(schema.maximum ?? 1000, 2 ** 31 - 1),
      })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case undefined:
    default:
      return fc.jsonValue()
  }
}
