/** The parts of the OpenAPI document that tests read. */
export type Schema = {
  type?: string | string[]
  minLength?: number
  maxLength?: number
  pattern?: string
  minimum?: number
  maximum?: number
  maxItems?: number
  examples?: unknown[]
  required?: string[]
  minProperties?: number
  properties?: Record<string, Schema>
  additionalProperties?: Schema
  anyOf?: Schema[]
  oneOf?: Schema[]
  items?: Schema
  const?: unknown
  enum?: unknown[]
}
type Content = Record<
  string,
  { schema: Schema; example?: unknown; examples?: Record<string, { value: unknown }> }
>
export type Operation = {
  operationId?: string
  summary?: string
  tags?: string[]
  security?: object[]
  'x-access'?: string
  parameters?: {
    name: string
    in: 'path' | 'query' | 'header'
    required: boolean
    schema: Schema
  }[]
  requestBody?: { content: Content }
  responses: Record<string, { description: string; content: Content }>
}

export type Spec = {
  openapi: string
  servers: { url: string }[]
  tags: { name: string; description?: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { securitySchemes: object; schemas: Record<string, Schema> }
}

/** Returns the document with each reference replaced by the schema it names. */
export const specOf = async (answer: Response): Promise<Spec> => {
  const document = (await answer.json()) as Spec
  const resolved = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolved)
    if (typeof value !== 'object' || value === null) return value
    if ('$ref' in value) {
      const schema = document.components.schemas[String(value.$ref).split('/').at(-1) ?? '']
      if (!schema) throw new Error(`${String(value.$ref)} leads nowhere`)
      return resolved(schema)
    }
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, resolved(member)]),
    )
  }
  return resolved(document) as Spec
}

/** The members of a documented schema, checked by hand so that our own checker does not check itself. */
export const fits = (schema: Schema, value: unknown): boolean => {
  const alternatives = schema.anyOf ?? schema.oneOf
  if (alternatives) return alternatives.some((one) => fits(one, value))
  if (schema.const !== undefined) return value === schema.const
  if (schema.enum) return schema.enum.includes(value)
  if (Array.isArray(schema.type))
    return schema.type.some((type) => fits({ ...schema, type }, value))
  switch (schema.type) {
    case 'object': {
      if (typeof value !== 'object' || value === null) return false
      const { properties = {}, additionalProperties: each, required = [] } = schema
      // Described elsewhere.
      const isOpen = Object.keys(properties).length === 0 && !each
      if (isOpen) return true
      return (
        required.every((name) => name in value) &&
        Object.entries(value).every(([name, member]) => {
          const known = properties[name] ?? each
          return known !== undefined && fits(known, member)
        })
      )
    }
    case 'string':
      return typeof value === 'string'
    case 'array':
      return Array.isArray(value) && value.every((one) => schema.items && fits(schema.items, one))
    case 'boolean':
      return typeof value === 'boolean'
    case 'integer':
      return Number.isInteger(value)
    case 'null':
      return value === null
    case undefined:
    default:
      return false
  }
}

/** Every operation, by method and path. */
export const operationsOf = ({ paths }: Spec): [string, Operation][] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      one,
    ]),
  )
