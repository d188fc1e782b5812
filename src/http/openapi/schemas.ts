import type { TSchema } from '@sinclair/typebox'

/** Returns a schema as the OpenAPI document writes it. */
export type DocumentSchema = (schema: TSchema) => object

/** Returns how one document writes schemas: as JSON Schema 2020-12 in the words that generators of clients
 * understand, with a reference to each schema that has a name (`$id`). `named` returns those so far, by name.
 * Throws for two schemas of one name. */
export const namedSchemas = () => {
  const named = new Map<string, object>()
  const schemaOf: DocumentSchema = ({ $id, ...schema }) => {
    const written = written2020(schema, schemaOf)
    if ($id === undefined) return written
    if (!Bun.deepEquals(named.get($id) ?? written, written))
      throw new Error(`Two schemas have the name ${$id}`)
    named.set($id, written)
    return { $ref: `#/components/schemas/${$id}` }
  }
  return { schemaOf, named: (): object => Object.fromEntries([...named].toSorted(byName)) }
}

const byName = ([one]: readonly [string, object], [other]: readonly [string, object]): number =>
  one < other ? -1 : 1

const written2020 = (schema: TSchema, schemaOf: DocumentSchema): object => {
  const {
    anyOf = [],
    items,
    properties,
    patternProperties,
    // Later versions may add members, so a client must not refuse them.
    additionalProperties: _isClosed,
    const: word,
    minLength,
    ...rest
  } = schema as Parts
  return {
    ...(anyOf.length > 0 ? union(anyOf.map(schemaOf)) : {}),
    ...(word === undefined ? {} : { enum: [word] }),
    ...rest,
    ...(isLong(schema) ? { format: 'int64' } : {}),
    ...(minLength ? { minLength } : {}),
    ...(items ? { items: schemaOf(items) } : {}),
    ...(properties ? { properties: mapped(properties, schemaOf) } : {}),
    // A TypeBox record of strings.
    ...(patternProperties
      ? { additionalProperties: Object.values(patternProperties).map(schemaOf)[0] }
      : {}),
  }
}

/** Whether an integer may need more than the 32 bits that generators give one without a format. */
const isLong = ({ type, maximum = Infinity }: TSchema): boolean =>
  type === 'integer' && maximum >= 2 ** 31

type Parts = {
  readonly anyOf?: readonly TSchema[]
  readonly items?: TSchema
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly patternProperties?: Readonly<Record<string, TSchema>>
  readonly additionalProperties?: boolean
  readonly const?: string
  readonly minLength?: number
}

const mapped = (properties: Readonly<Record<string, TSchema>>, schemaOf: DocumentSchema): object =>
  Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, schemaOf(one)]))

/** Returns words as one `enum`, null beside a type as part of it, and anything else as alternatives. */
const union = (members: readonly Member[]): Member => {
  const words = members.flatMap((member) => member.enum ?? [undefined])
  if (!words.includes(undefined)) return { type: 'string', enum: words }
  // With oneOf, OpenAPI Generator's typescript-fetch imports the items of an array beside a schema twice.
  const hasArray = members.some(({ type }) => type === 'array')
  const [value, none] = members
  if (members.length !== 2 || none?.type !== 'null' || typeof value?.type !== 'string')
    return { [hasArray ? 'anyOf' : 'oneOf']: members }
  return {
    ...value,
    type: [value.type, 'null'],
    ...(value.enum ? { enum: [...value.enum, null] } : {}),
  }
}

type Member = {
  readonly type?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly object[]
  readonly oneOf?: readonly object[]
}
