import { expect, test } from 'bun:test'
import { type TSchema, Type as t } from '@sinclair/typebox'
import { namedSchemas } from '../../../src/http/openapi/schemas.ts'

/** As they are in the document, which is JSON. */
const written = () => {
  const { schemaOf, named } = namedSchemas()
  const json = (value: object): unknown => JSON.parse(JSON.stringify(value))
  return { schemaOf: (schema: TSchema) => json(schemaOf(schema)), named: () => json(named()) }
}

test('a schema with a name is written once and referred to', () => {
  const { schemaOf, named } = written()
  const Key = t.Object({ id: t.String() }, { $id: 'Key', additionalProperties: false })
  const reference = { $ref: '#/components/schemas/Key' }
  expect(schemaOf(t.Object({ keys: t.Array(Key), last: t.Union([Key, t.Null()]) }))).toEqual({
    type: 'object',
    required: ['keys', 'last'],
    properties: {
      keys: { type: 'array', items: reference },
      last: { oneOf: [reference, { type: 'null' }] },
    },
  })
  expect(named()).toEqual({
    Key: { type: 'object', required: ['id'], properties: { id: { type: 'string' } } },
  })
})

test('two schemas of one name are a fault', () => {
  const { schemaOf } = namedSchemas()
  schemaOf(t.Object({ id: t.String() }, { $id: 'Key' }))
  schemaOf(t.Object({ id: t.String() }, { $id: 'Key' }))
  expect(() => schemaOf(t.Object({ id: t.Integer() }, { $id: 'Key' }))).toThrow(
    'Two schemas have the name Key',
  )
})

test('words, null and records are written as generators of clients know them', () => {
  const { schemaOf } = written()
  const words = t.Union([t.Literal('on'), t.Literal('off')])
  expect(schemaOf(words)).toEqual({ type: 'string', enum: ['on', 'off'] })
  expect(schemaOf(t.Literal('on'))).toEqual({ type: 'string', enum: ['on'] })
  expect(schemaOf(t.Union([words, t.Null()], { description: 'State' }))).toEqual({
    type: ['string', 'null'],
    enum: ['on', 'off', null],
    description: 'State',
  })
  expect(schemaOf(t.Union([t.Integer({ minimum: 0 }), t.Null()]))).toEqual({
    type: ['integer', 'null'],
    format: 'int64',
    minimum: 0,
  })
  expect(schemaOf(t.Integer({ maximum: 200 }))).toEqual({ type: 'integer', maximum: 200 })
  expect(schemaOf(t.Union([t.String(), t.Integer()]))).toEqual({
    oneOf: [{ type: 'string' }, { type: 'integer', format: 'int64' }],
  })
  expect(schemaOf(t.Union([t.String(), t.Array(t.String())]))).toEqual({
    anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
  })
  expect(schemaOf(t.Record(t.String(), t.Integer()))).toEqual({
    type: 'object',
    additionalProperties: { type: 'integer', format: 'int64' },
  })
})
