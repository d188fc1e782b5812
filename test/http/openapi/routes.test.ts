import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { PASSWORD, type TestApp, basic, bearer, startApp } from '../../support/app.ts'
import { testController } from '../../support/controller.ts'
import { guestHeaders } from '../../support/guests.ts'
import { type Operation, type Spec, fits, operationsOf, specOf } from '../../support/openapi.ts'
import { enrol } from '../../support/second-factor.ts'

describe('the OpenAPI document', () => {
  let app: Awaited<ReturnType<typeof startApp>>
  let spec: Spec
  let operations: [string, Operation][]

  beforeAll(async () => {
    app = await startApp()
    spec = await specOf(await app.get('/swagger/json'))
    operations = operationsOf(spec)
  })

  afterAll(async () => {
    await app[Symbol.asyncDispose]()
  })

  test('describes every endpoint of the contract', () => {
    const names = operations.map(([name]) => name)
    for (const name of [
      'POST /register',
      'POST /login',
      'POST /logUnlocking',
      'GET /getLogs',
      'POST /getLogs',
      'GET /getUsers',
      'POST /getUsers',
      'GET /livez',
      'GET /readyz',
      'GET /',
    ])
      expect(names).toContain(name)
    expect(names.some((name) => name.includes('*') || name.includes('ALL'))).toBe(false)
  })

  test('every operation has a summary, a tag, its access and security, and documented errors', () => {
    for (const [name, one] of operations) {
      expect(`${name} ${one.summary}`).not.toEndWith('undefined')
      expect(one.tags).toHaveLength(1)
      expect([
        'public',
        'tables',
        'metrics',
        'controller',
        'guest',
        'member',
        'admin',
        'owner',
      ]).toContain(one['x-access'] ?? name)
      expect(one.security?.length === 0).toBe(one['x-access'] === 'public')
      const statuses = Object.keys(one.responses)
      expect(statuses).toEqual(expect.arrayContaining(['429', '500']))
      expect(statuses.some((status) => /^20[0-9]$/.test(status))).toBe(true)
      if (one['x-access'] !== 'public') expect(one.responses).toHaveProperty('401')
      if (one.requestBody)
        for (const status of ['400', '413']) expect(one.responses).toHaveProperty(status)
    }
  })

  test('describes every tag of an operation, once, and no other', () => {
    const used = new Set(operations.flatMap(([, { tags }]) => tags))
    expect(spec.tags.map(({ name }) => name).toSorted()).toEqual([...used].map(String).toSorted())
    expect(spec.tags.filter(({ description }) => !description)).toEqual([])
  })

  test('every schema of a body or an answer has examples that match it', () => {
    for (const [name, { requestBody, responses }] of operations) {
      for (const [property, schema] of Object.entries(
        requestBody?.content['application/json']?.schema.properties ?? {},
      ))
        expect(`${name} ${property} ${schema.examples?.length ?? 0}`).toBe(`${name} ${property} 1`)
      for (const [status, { content, description }] of Object.entries(responses)) {
        expect(description).not.toBe('')
        const json = content['application/json']
        if (!json) continue
        const examples = [
          json.example,
          ...Object.values(json.examples ?? {}).map(({ value }) => value),
        ].filter((one) => one !== undefined)
        for (const example of examples)
          expect(`${name} ${status} ${fits(json.schema, example)}`).toEndWith('true')
        const hasFieldExamples = JSON.stringify(json.schema).includes('examples')
        expect(`${name} ${status} ${examples.length > 0 || hasFieldExamples}`).toEndWith('true')
      }
    }
  })

  test('is OpenAPI 3.1 in words that generators of clients know', async () => {
    expect(spec.openapi).toBe('3.1.0')
    const ids = operations.map(([name, { operationId }]) => operationId ?? name)
    expect(ids.filter((id) => !/^[a-z][A-Za-z]+$/.test(id))).toStrictEqual([])
    expect(ids).toStrictEqual([...new Set(ids)])
    const document = await (await app.get('/swagger/json')).text()
    expect(
      document.match(/"(patternProperties|const|\$id|\$schema|nullable)":/g) ?? [],
    ).toHaveLength(0)
    expect(spec.components.schemas['Problem']?.properties?.['status']).toMatchObject({
      type: 'integer',
    })
  })

  test('every object has a name, and is referred to by it', async () => {
    const { components, paths } = (await (await app.get('/swagger/json')).json()) as Spec
    expect(Object.keys(components.schemas)).toEqual(
      expect.arrayContaining(['Account', 'Message', 'Problem', 'Unlock', 'UnlockPage']),
    )
    expect(components.schemas['UnlockPage']).toMatchObject({
      properties: { unlocks: { items: { $ref: '#/components/schemas/Unlock' } } },
    })
    // The values of `schema` in `paths`, and the members of named schemas.
    const anonymous = [
      ...inlineObjects(paths),
      ...Object.entries(components.schemas).flatMap(([name, schema]) =>
        inlineObjects(schema.properties, name),
      ),
    ]
    expect(anonymous).toStrictEqual([])
    // Go calls the constructor of a Key NewKey.
    const names = Object.keys(components.schemas)
    expect(names.filter((name) => names.includes(`New${name}`))).toStrictEqual([])
    // Generators make up a name for each alternative without one.
    expect(JSON.stringify(paths)).not.toMatch(/"(oneOf|anyOf)":/)
  })

  test('names the server it was read from, or PUBLIC_URL', async () => {
    const serversFor = async (headers: Record<string, string>, by = app) =>
      (await specOf(await by.get('/swagger/json', headers))).servers
    expect(await serversFor({})).toStrictEqual([{ url: app.url }])
    expect(await serversFor({ host: 'lock.home:8080' })).toStrictEqual([
      { url: 'http://lock.home:8080' },
    ])
    expect(await serversFor({ host: 'lock.home', 'x-forwarded-proto': 'https' })).toStrictEqual([
      { url: 'https://lock.home' },
    ])
    expect(await serversFor({ host: 'a"b<c' })).toStrictEqual([{ url: '/' }])
    await using published = await startApp({ PUBLIC_URL: 'https://lock.example' })
    expect(await serversFor({ host: 'other' }, published)).toStrictEqual([
      { url: 'https://lock.example' },
    ])
  })

  test('a problem specific to an operation is its example, not a common one', () => {
    const problemOf = (name: string, status: number) =>
      new Map(operations).get(name)?.responses[status]?.content['application/problem+json']?.example
    expect(problemOf('DELETE /v1/people/{id}/second-factor', 403)).toMatchObject({
      code: 'owner_needed',
    })
    expect(problemOf('GET /v1/people', 403)).toMatchObject({ code: 'forbidden' })
  })

  test('answers are as documented', async () => {
    const owner = bearer(await app.signIn('own', 'owner'))
    await enrol(app, await app.signIn('factor', 'owner'), app.clock.nowMs)
    const person = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }
    const calls: [string, Promise<Response>][] = [
      ['POST /register', app.post('/register', person)],
      ['POST /register', app.post('/register', {})],
      ['POST /register', app.post('/register', { ...person, address: 'x'.repeat(70_000) })],
      ['POST /login', app.post('/login', { username: 'own', password: PASSWORD })],
      ['POST /login', app.post('/login', { username: 'own', password: 'wrong' })],
      ['POST /login', app.post('/login', { username: 'factor', password: PASSWORD })],
      ['GET /getUsers', app.get('/getUsers', basic('factor', PASSWORD))],
      ['GET /v1/me/second-factor', app.get('/v1/me/second-factor', owner)],
      [
        'POST /v1/me/second-factor',
        app.post('/v1/me/second-factor', { password: PASSWORD }, owner),
      ],
      ['POST /logUnlocking', app.post('/logUnlocking', { 'unlocking-method': 'pin' }, owner)],
      ['POST /logUnlocking', app.post('/logUnlocking', {})],
      ['GET /v1/unlocks', app.get('/v1/unlocks', owner)],
      ['GET /v1/log/verification', app.get('/v1/log/verification', owner)],
      ['POST /v1/log/verification', app.post('/v1/log/verification', {}, owner)],
      ['GET /v1/unlocks/labels', app.get('/v1/unlocks/labels', owner)],
      ['GET /v1/unlocks/stats', app.get('/v1/unlocks/stats?zone=Europe/Berlin', owner)],
      ['GET /v1/me', app.get('/v1/me', owner)],
      ['GET /v1/people', app.get('/v1/people', owner)],
      ['GET /v1/audit', app.get('/v1/audit', owner)],
      ['GET /getLogs', app.get('/getLogs', owner)],
      ['POST /getUsers', app.post('/getUsers', {}, basic('own', PASSWORD))],
      ['GET /getUsers', app.get('/getUsers')],
      ['GET /v1/setup', app.get('/v1/setup')],
      ['POST /register', app.post('/register', { ...person, invitation: 'nonsense' })],
      ['POST /v1/invitations', app.post('/v1/invitations', { role: 'member' }, owner)],
      ['GET /v1/invitations', app.get('/v1/invitations', owner)],
      ['GET /livez', app.get('/livez')],
      ['GET /readyz', app.get('/readyz')],
      ['GET /', app.get('/')],
    ]
    const documented = Object.fromEntries(operations)
    for (const [name, call] of calls) {
      const answer = await call
      const body: unknown = await answer.json()
      const schema = documented[name]?.responses[answer.status]?.content['application/json']?.schema
      expect(
        `${name} ${answer.status} ${JSON.stringify(body)} ${schema && fits(schema, body)}`,
      ).toEndWith(' true')
    }
  })

  test('errors are documented as they are sent: problem details under /v1, {"msg"} elsewhere', () => {
    for (const [name, { responses }] of operations)
      for (const [status, { content }] of Object.entries(responses)) {
        if (Number(status) < 400 || status === '429') continue
        const kind = name.includes(' /v1/') ? 'application/problem+json' : 'application/json'
        expect(`${name} ${status} ${Object.keys(content).join()}`).toBe(`${name} ${status} ${kind}`)
        for (const { example } of Object.values(content))
          if (kind !== 'application/json')
            expect(example).toMatchObject({ status: Number(status), title: expect.any(String) })
      }
  })

  test('every answer to every caller is documented with its status, type and schema', async () => {
    const callers = [
      {},
      bearer(await app.signIn('one', 'member')),
      bearer(await app.signIn('two', 'admin')),
      bearer(await app.signIn('three', 'owner')),
      (await controllerOf(app, 'three')).headers(),
      { ...(await guestHeaders(app, bearer(await app.logIn('three')))), origin: app.url },
    ]
    const undocumented: string[] = []
    for (const [name, { responses }] of operations) {
      const [method = '', path = ''] = name.split(' ')
      // Endless; ends the caller's session; contains records documented elsewhere.
      if (/\/stream$|\/logout$|\/me\/export$/.test(path)) continue
      for (const caller of callers)
        for (const body of method === 'GET' ? [undefined] : ['{}', '[', '"x"'.padEnd(70_000)]) {
          const headers = { 'content-type': 'application/json', ...caller }
          const answer = await fetch(app.url + path, { method, headers, ...(body ? { body } : {}) })
          const type = answer.headers.get('content-type')?.split(';')[0] ?? ''
          const documented = responses[answer.status]?.content[type]
          const text = await answer.text()
          if (!documented || (type.endsWith('json') && !fits(documented.schema, JSON.parse(text))))
            undocumented.push(`${name}: ${answer.status} ${type}`)
        }
    }
    expect(undocumented).toStrictEqual([])
  })

  test('each body is checked with the schema that documents it', async () => {
    const owner = bearer(await app.signIn('reader', 'owner'))
    const guest = await guestHeaders(app, owner)
    const controller = (await controllerOf(app, 'reader')).headers()
    for (const [name, { requestBody, ...one }] of operations) {
      const schema = requestBody?.content['application/json']?.schema
      if (!schema) continue
      const [method = '', path = ''] = name.split(' ')
      const headers = {
        'content-type': 'application/json',
        origin: app.url,
        ...guest,
        ...(one['x-access'] === 'controller' ? controller : owner),
      }
      const { required, minProperties, properties = {} } = schema.anyOf?.[0] ?? schema
      const names = Object.keys(properties)
      const isFree = !minProperties && !required
      // No field accepts an object.
      const body = isFree ? Object.fromEntries(names.map((field) => [field, {}])) : {}
      const answer = await fetch(app.url + path, { method, headers, body: JSON.stringify(body) })
      const { msg, detail } = (await answer.json()) as { msg?: string; detail?: string }
      const said = (msg ?? detail ?? '').replaceAll(/: [^;]+/g, '')
      const missing = minProperties ? `one of ${names.join(', ')}` : required?.join(', ')
      expect(`${name}: ${said}`).toBe(
        `${name}: ${isFree ? `Invalid ${names.join('; ')}` : `Missing ${missing}`}`,
      )
    }
  })
})

/** Where an object with members is described without a name. Examples are not descriptions. */
const inlineObjects = (value: unknown, at = ''): string[] => {
  if (typeof value !== 'object' || value === null) return []
  const isNameless = 'type' in value && value.type === 'object' && 'properties' in value
  const found = isNameless && Object.keys(value.properties as object).length > 0 ? [at] : []
  return [
    ...found,
    ...Object.entries(value)
      .filter(([name]) => !/^examples?$/.test(name))
      .flatMap(([name, member]) => inlineObjects(member, `${at}/${name}`)),
  ]
}

/** Enrols a controller at a lock of its own. */
const controllerOf = async (app: TestApp, owner: string) => {
  const by = bearer(await app.logIn(owner))
  const label = `door-of-${owner}`
  await app.post('/v1/locks', { label, name: label }, by)
  const answer = await app.post(`/v1/locks/${label}/controllers`, { password: PASSWORD }, by)
  const controller = await testController(app.url)
  await controller.enrol(((await answer.json()) as { code: string }).code)
  return controller
}
