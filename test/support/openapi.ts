/** The parts of the OpenAPI document that tests read. */
export type Schema = {
  type?: string
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
  patternProperties?: Record<string, Schema>
  anyOf?: Schema[]
  items?: Schema
  const?: unknown
}
type Content = Record<
  string,
  { schema: Schema; example?: unknown; examples?: Record<string, { value: unknown }> }
>
export type Operation = {
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
  paths: Record<string, Record<string, Operation>>
  components: { securitySchemes: object }
}

/** The members of a documented schema, checked by hand so that our own checker does not check itself. */
export const fits = (schema: Schema, value: unknown): boolean => {
  if (schema.anyOf) return schema.anyOf.some((one) => fits(one, value))
  if (schema.const !== undefined) return value === schema.const
  switch (schema.type) {
    case 'object': {
      if (typeof value !== 'object' || value === null) return false
      const { properties = {}, patternProperties, required = [] } = schema
      // Described elsewhere.
      const isOpen = Object.keys(properties).length === 0 && !patternProperties
      if (isOpen) return true
      const each = Object.values(patternProperties ?? {})[0]
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
