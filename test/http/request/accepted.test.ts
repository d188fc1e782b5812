import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Type as t } from '@sinclair/typebox'
import { acceptedBy } from '../../../src/http/request/accepted.ts'
import { optional } from '../../../src/http/request/optional.ts'
import { Time, oneOf, text } from '../../../src/http/request/text.ts'
import { PASSWORD, type TestApp, bearer, startApp } from '../../support/app.ts'
import { testController } from '../../support/controller.ts'
import { guestHeaders } from '../../support/guests.ts'
import { type Schema, operationsOf, specOf } from '../../support/openapi.ts'

describe('what a field accepts, in words', () => {
  test.each([
    [text({ min: 1, max: 64 }), 'text, 1 to 64 characters, no control characters'],
    [text({ max: 32 }), 'text, up to 32 characters, no control characters'],
    [
      text({ max: 200, controls: 'whitespace' }),
      'text, up to 200 characters, no control characters except line breaks and tabs',
    ],
    [text({ max: 1024, controls: 'any' }), 'text, up to 1024 characters'],
    [t.Integer({ minimum: 1, maximum: 100 }), 'a whole number from 1 to 100'],
    [t.Integer({ minimum: 0 }), 'a whole number, at least 0'],
    [t.Boolean(), 'true or false'],
    [oneOf(['open', 'invite', 'closed']), 'open, invite or closed'],
    [optional(oneOf(['true', 'false'])), 'true or false'],
    [Time, 'a time as in RFC 3339, such as 2026-11-22T18:30:00Z'],
  ])('%#', (schema, words) => {
    expect(acceptedBy(schema)).toBe(words)
  })
})

/** Fields that are read once all others are right; see test/locks/grants/bad-input.test.ts and
 * test/drivers/setup/routes.test.ts. */
const READ_LATER: readonly (readonly [string, readonly string[]])[] = [
  [' /v1/grants', ['starts_at', 'ends_at', 'windows', 'holidays', 'uses', 'home_network']],
  ['/driver', ['settings', 'secrets']],
]

const isReadLater = (operation: string, name: string): boolean =>
  READ_LATER.some(([path, names]) => operation.includes(path) && names.includes(name))

describe('a refusal says what each field accepts', () => {
  let app: TestApp
  let headers: Record<string, string>
  let controller: Record<string, string>
  let operations: ReturnType<typeof operationsOf>

  beforeAll(async () => {
    app = await startApp()
    const owner = bearer(await app.signIn('own', 'owner'))
    headers = { ...owner, ...(await guestHeaders(app, owner)) }
    await app.post('/v1/locks', { label: 'gate', name: 'Gate' }, owner)
    const code = await app.post('/v1/locks/gate/controllers', { password: PASSWORD }, owner)
    const device = await testController(app.url)
    expect(await device.enrol(((await code.json()) as { code: string }).code)).toBe(200)
    controller = device.headers()
    operations = operationsOf(await specOf(await app.get('/swagger/json')))
  })
  afterAll(async () => {
    await app[Symbol.asyncDispose]()
  })

  const send = async (
    operation: string,
    init: { readonly query?: string; readonly body?: unknown },
  ) => {
    const [method = '', path = ''] = operation.split(' ')
    const url = path.replace('{id}', '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81')
    const answer = await fetch(`${app.url}${url}${init.query ?? ''}`, {
      method,
      headers: {
        ...headers,
        ...(path.startsWith('/v1/controller/') ? controller : {}),
        origin: app.url,
        'content-type': 'application/json',
      },
      ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    })
    return (await answer.json()) as {
      msg?: string
      detail?: string
      fields?: Record<string, string>
    }
  }

  test('every field of every body under /v1', async () => {
    const refused = []
    for (const [operation, { requestBody }] of operations) {
      const schema: Schema = requestBody?.content['application/json']?.schema ?? {}
      const object = schema.properties ? schema : schema.anyOf?.find((one) => one.properties)
      const names = Object.keys(object?.properties ?? {}).filter(
        (name) => !isReadLater(operation, name),
      )
      if (names.length === 0 || !operation.includes(' /v1/')) continue
      // No field accepts a list of lists.
      const wrong = Object.fromEntries(names.map((name) => [name, [[WRONG]]]))
      const body = operation.endsWith('/driver') ? { settings: {}, ...wrong } : wrong
      const { detail = '', fields = {} } = await send(operation, { body })
      expect([operation, Object.keys(fields)]).toEqual([operation, names])
      for (const name of names) {
        expect([operation, name, fields[name]]).toEqual([
          operation,
          name,
          expect.stringMatching(WORDS),
        ])
        expect(detail).toContain(`${name}: ${fields[name]}`)
      }
      expect(detail).not.toContain(WRONG)
      refused.push(operation)
    }
    expect(refused).toContain('POST /v1/unlocks')
    expect(refused.length).toBeGreaterThan(12)
  })

  test('every parameter of every query under /v1', async () => {
    const refused = []
    for (const [operation, { parameters = [] }] of operations)
      for (const { name, in: place } of parameters) {
        if (place !== 'query' || !operation.includes(' /v1/')) continue
        const others = parameters
          .filter((one) => one.in === 'query' && one.required && one.name !== name)
          .map((one) => `&${one.name}=x`)
        const query = `?${name}=${encodeURIComponent('\u0000'.repeat(600))}${others.join('')}`
        const { detail = '', fields = {} } = await send(operation, { query })
        expect([operation, name, fields[name]]).toEqual([
          operation,
          name,
          expect.stringMatching(WORDS),
        ])
        expect(detail).toContain(`${name}: ${fields[name]}`)
        refused.push(`${operation} ${name}`)
      }
    expect(refused).toContain('GET /v1/unlocks lock')
    expect(refused.length).toBeGreaterThan(30)
  })

  test('the endpoints of the phone app name the fields alone, to the byte', async () => {
    const answers = [
      await send('POST /register', { body: { username: 7, password: 7, phone: 7, address: 7 } }),
      await send('POST /login', { body: { username: 7, password: 7 } }),
      await send('POST /logUnlocking', { body: { 'unlocking-method': 'a\nb' } }),
    ]
    expect(answers).toStrictEqual([
      { msg: 'Invalid username, password, phone, address' },
      { msg: 'Invalid username, password' },
      { msg: 'Invalid unlocking-method' },
    ])
  })
})

const WRONG = 'Kanarienvogel'

/** Words, or the choices of a field. */
const WORDS = /^(?=.{4})[a-z0-9`"][^]*$/
