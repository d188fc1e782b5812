import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { PASSWORD, type TestApp, bearer, startApp } from '../../support/app.ts'
import { guestHeaders } from '../../support/guests.ts'
import { type Schema, operationsOf, specOf } from '../../support/openapi.ts'

const ABSENT = '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81'
const CODE = 'AAAA-BBBB-CCCC-DDDD-EEEE-FFFF-GGGG'

let app: TestApp
let owner: Record<string, string>
let operations: Awaited<ReturnType<typeof bodiesOf>>

/** The properties of each body that are not required, by operation. */
const bodiesOf = async () =>
  new Map(
    operationsOf(await specOf(await app.get('/swagger/json'))).flatMap(
      ([name, { requestBody }]) => {
        const schema = requestBody?.content['application/json']?.schema
        const fields = Object.assign({}, ...(schema ? optionalOf(schema) : [])) as Fields
        return Object.keys(fields).length > 0 ? [[name, fields] as const] : []
      },
    ),
  )

type Fields = Readonly<Record<string, Schema>>

/** Also those of an array's items. */
const optionalOf = (schema: Schema): Fields[] => [
  Object.fromEntries(
    Object.entries(schema.properties ?? {}).filter(([name]) => !schema.required?.includes(name)),
  ),
  ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? []), schema.items ?? {}].flatMap((one) =>
    one === schema || Object.keys(one).length === 0 ? [] : optionalOf(one),
  ),
]

beforeAll(async () => {
  app = await startApp()
  const headers = bearer(await app.signIn('own', 'owner'))
  owner = { ...headers, ...(await guestHeaders(app, headers)) }
  operations = await bodiesOf()
})

afterAll(async () => {
  await app[Symbol.asyncDispose]()
})

/** A request without any optional field, for every operation that creates something. */
const CREATING: Readonly<Record<string, (count: number) => object>> = {
  'POST /register': (count) => ({
    username: `person-${count}`,
    password: PASSWORD,
    phone: '1',
    address: 'x',
  }),
  'POST /login': () => ({ username: 'own', password: PASSWORD }),
  'POST /v1/session/cookie': () => ({ username: 'own', password: PASSWORD }),
  'POST /v1/setup': () => ({ username: 'own', password: PASSWORD, code: CODE }),
  'POST /v1/setup/cookie': () => ({ username: 'own', password: PASSWORD, code: CODE }),
  'POST /v1/invitations': () => ({ role: 'member' }),
  'POST /v1/unlocks': () => ({ method: 'pin' }),
  'POST /v1/locks': (count) => ({ label: `lock-${count}`, name: 'Gate' }),
  'POST /v1/grants': () => ({ holder: { role: 'member' }, locks: 'all' }),
  'POST /v1/grants/preview': () => ({ holder: { role: 'member' }, locks: 'all' }),
  'POST /v1/grants/{id}/revocation': () => ({}),
  'POST /v1/guest/bind': () => ({ code: 'A'.repeat(22) }),
  'POST /v1/guest/unlock': () => ({ id: crypto.randomUUID(), lock: 'front-door' }),
  'PUT /v1/home/lockdown': () => ({}),
  'POST /v1/me/tokens': () => ({ name: 'Script', scopes: ['unlocks:read'], password: PASSWORD }),
  'POST /v1/targets': () => ({
    kind: 'webhook',
    name: 'Script',
    settings: { url: 'http://192.0.2.7/' },
    password: PASSWORD,
  }),
  'PUT /v1/locks/{label}/driver': () => ({
    kind: 'shelly',
    settings: { url: 'http://192.0.2.7/' },
  }),
  'PUT /v1/locks/{label}/slots/{slot}': () => ({ account: ABSENT }),
}

describe('optional fields', () => {
  test('every body with optional fields is a change, or is in the table of this test', () => {
    const creating = [...operations.keys()].filter((name) => !name.startsWith('PATCH '))
    // A replay names one of its two fields.
    const others = ['POST /v1/targets/{id}/replay']
    expect(creating.toSorted()).toEqual([...Object.keys(CREATING), ...others].toSorted())
  })

  test('may be null in every body that creates something, according to the OpenAPI document', () => {
    for (const name of Object.keys(CREATING))
      for (const [field, { type, anyOf = [], oneOf = [] }] of Object.entries(
        operations.get(name) ?? {},
      )) {
        const types = [type, ...[...anyOf, ...oneOf].map((one) => one.type)].flat()
        expect({ name, field, types }).toMatchObject({ types: expect.arrayContaining(['null']) })
      }
  })

  test('null and empty mean the same as absent in every body that creates something', async () => {
    let count = 0
    const outcome = async (name: string, fields: object) => {
      const [method, template = ''] = name.split(' ')
      const path = template.replace('{slot}', '2')
      const body = { ...CREATING[name]?.((count += 1)), ...fields }
      const send = method === 'PUT' ? app.put : app.post
      const answer = await send(path, body, { ...owner, origin: app.url })
      const members = (await answer.json()) as Record<string, unknown>
      const refusal = answer.ok ? undefined : members['code']
      return { status: answer.status, refusal, members: Object.keys(members) }
    }
    for (const [name, fields] of operations) {
      if (!(name in CREATING)) continue
      const absent = await outcome(name, {})
      expect(absent.status).not.toBe(400)
      for (const field of Object.keys(fields))
        for (const empty of [null, '', ' \n'])
          expect({ field, ...(await outcome(name, { [field]: empty })) }).toEqual({
            field,
            ...absent,
          })
    }
  })

  test('an empty email, label and denial reason are stored as none', async () => {
    const person = { username: 'eve', password: PASSWORD, phone: '1', address: 'x', email: ' ' }
    await app.post('/register', person)
    const people = await app.get('/v1/people?text=eve', owner)
    expect(await people.json()).toMatchObject({ people: [{ username: 'eve', email: null }] })
    const invitation = await app.post('/v1/invitations', { role: 'member', label: null }, owner)
    expect(await invitation.json()).toMatchObject({ label: '', uses_max: 1 })
    const unlocks = [
      { method: 'pin', id: '', lock: null, result: '', reason: null, occurred_at: '' },
    ]
    const { outcomes } = (await (await app.post('/v1/unlocks', unlocks, owner)).json()) as {
      outcomes: { status: string; id: string }[]
    }
    expect(outcomes).toMatchObject([{ status: 'stored' }])
    expect(await (await app.get(`/v1/unlocks/${outcomes[0]?.id}`, owner)).json()).toMatchObject({
      lock: 'front-door',
      result: 'unlocked',
      reason: null,
      occurred_at: null,
    })
  })

  test('in a change, absent leaves a field, and null or empty clears it', async () => {
    const token = bearer(await app.signIn('ada'))
    const full = { phone: '7', address: 'here', email: 'ada@example.org' }
    const change = async (body: object) =>
      (await (await app.patch('/v1/me', body, token)).json()) as Record<string, unknown>
    for (const empty of [null, '', '  ']) {
      expect(await change(full)).toMatchObject(full)
      expect(await change({ phone: empty })).toMatchObject({ ...full, phone: '' })
      expect(await change({ address: empty })).toMatchObject({ ...full, phone: '', address: '' })
      expect(await change({ email: empty })).toMatchObject({ phone: '', address: '', email: null })
    }
  })

  test('what cannot be cleared refuses null and empty', async () => {
    const { id } = (await (await app.get('/v1/me', owner)).json()) as { id: string }
    await app.post('/v1/locks', { label: 'gate', name: 'Gate' }, owner)
    const changes = [
      ['/v1/locks/gate', 'name'],
      ['/v1/locks/gate', 'state'],
      [`/v1/people/${id}`, 'role'],
      [`/v1/people/${id}`, 'disabled'],
      [`/v1/people/${id}`, 'admitted'],
      ['/v1/settings', 'registration'],
      [`/v1/passes/${ABSENT}`, 'label'],
      [`/v1/passes/${ABSENT}`, 'devices_max'],
      [`/v1/passes/${ABSENT}`, 'handled'],
      [`/v1/targets/${ABSENT}`, 'name'],
      [`/v1/targets/${ABSENT}`, 'state'],
      [`/v1/targets/${ABSENT}`, 'settings'],
    ] as const
    for (const [path, field] of changes)
      for (const empty of [null, '']) {
        const answer = await app.patch(path, { [field]: empty }, owner)
        expect(await answer.json()).toMatchObject({
          status: 400,
          detail: expect.stringContaining(`Invalid ${field}: `),
        })
      }
    const cleared = Object.keys(operations.get('PATCH /v1/me') ?? {})
    expect(cleared.toSorted()).toEqual(['address', 'email', 'phone'])
    const patches = [...operations.keys()].filter((name) => name.startsWith('PATCH '))
    expect(patches.toSorted()).toEqual([
      'PATCH /v1/grants/{id}',
      'PATCH /v1/locks/{label}',
      'PATCH /v1/me',
      'PATCH /v1/passes/{id}',
      'PATCH /v1/people/{id}',
      'PATCH /v1/settings',
      'PATCH /v1/targets/{id}',
    ])
  })
})
