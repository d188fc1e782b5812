import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import fc from 'fast-check'
import { homeDatabase } from '../support/home-database.ts'
import { IS_POSTGRES } from '../support/test-server.ts'
import { PASSWORD, basic, bearer, clientOf, startApp } from '../support/app.ts'
import { UNLIMITED, runCommand, startService } from '../support/binary.ts'
import { operationsOf, specOf } from '../support/openapi.ts'

/** A body without a declared length, one byte at a time. */
const inChunks = (bytes: Uint8Array): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start: (controller) => {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
      controller.close()
    },
  })

const PERSON = { username: 'ada', password: PASSWORD, phone: '1', address: 'x' }

describe('what a client may send', () => {
  test('[I1] no answer, header or log line contains what was sent, whatever is wrong with it', async () => {
    const canary = 'kanarienvogel-7291'
    for (const nodeEnv of [{}, { NODE_ENV: 'development' }, { NODE_ENV: 'production' }]) {
      await using service = await startService({
        env: { ...UNLIMITED, LOG_LEVEL: 'debug', ...nodeEnv },
      })
      const { post, get } = clientOf(service.url)
      const fields = [
        'username',
        'password',
        'otp',
        'phone',
        'address',
        'email',
        'unlocking-method',
      ]
      const bodies = [
        ...fields.map((field) =>
          JSON.stringify({ ...PERSON, username: 'bob', [field]: canary.repeat(99) }),
        ),
        ...fields.map((field) => JSON.stringify({ ...PERSON, [field]: { nested: canary } })),
        ...fields.map((field) => JSON.stringify({ ...PERSON, [field]: `${canary}\u0000` })),
        JSON.stringify({ username: canary, password: canary }),
        JSON.stringify({ [canary]: canary }),
        JSON.stringify(canary),
        `{"password": "${canary}`,
        `{"password": ${canary}}`,
        canary,
        '',
      ]
      // One of each kind is enough if only NODE_ENV differs.
      const tried = bodies.filter((_, at) => !('NODE_ENV' in nodeEnv) || at % 4 === 0)
      const calls = tried.flatMap((body) => [
        () => post('/register', body),
        () => post('/login', body),
        () => post('/logUnlocking', body),
        () => post('/logUnlocking', body, bearer(canary)),
        () => post('/login', body, { 'content-type': canary }),
        () =>
          post('/login', body, { authorization: canary, cookie: canary, 'x-request-id': canary }),
        () => post(`/${canary}`, body),
      ])
      calls.push(
        () => get('/getLogs', basic(canary, canary)),
        () => get(`/getLogs?token=${canary}`, bearer(canary)),
        () => get(`/${canary}`, { accept: 'text/html' }),
        () => get(`/v1/${canary}`),
      )
      let seen = ''
      for (const call of calls) {
        const answer = await call()
        expect(answer.status).toBeWithin(200, 500)
        seen += `${JSON.stringify([...answer.headers])}${await answer.text()}\n`
      }
      await service.stop()
      const { log, words } = service.output()
      expect(log.length).toBeGreaterThan(1000)
      for (const text of [seen, log, words]) expect(text).not.toContain('kanarienvogel')
      expect(seen).not.toMatch(/TypeBox|Expected|at .*\.ts|bunfs|SELECT|INSERT|schema/)
    }
  })

  test('[I1] a bug is answered 500 with a request id, with its cause only in the log', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { post } = clientOf(service.url)
    await post('/register', PERSON)
    await using db = await homeDatabase(service.folder)
    await db.run('ALTER TABLE session RENAME COLUMN ends_at_ms TO gone')
    const answer = await post('/login', PERSON)
    expect(answer.status).toBe(500)
    expect(await answer.json()).toStrictEqual({ msg: 'Internal error' })
    const id = answer.headers.get('x-request-id') ?? ''
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
    const { log } = service.output()
    const record = log.split('\n').find((line) => line.includes('request failed'))
    expect(record).toContain(id)
    expect(record).toMatch(/no (?:such )?column.*ends_at_ms|ends_at_ms.* does not exist/)
    expect(log).not.toContain(PASSWORD)
  })

  test('a table that is missing is a fault; on a server, an outage, and the log names it', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { post } = clientOf(service.url)
    await post('/register', PERSON)
    await using db = await homeDatabase(service.folder)
    await db.run(`DROP TABLE session ${IS_POSTGRES ? 'CASCADE' : ''}`)
    const answer = await post('/login', PERSON)
    // While a home is restored on a server, its tables appear one by one.
    expect(answer.status).toBe(IS_POSTGRES ? 503 : 500)
    const { log } = service.output()
    const message = IS_POSTGRES ? 'request refused' : 'request failed'
    const record = log.split('\n').find((line) => line.includes(message)) ?? ''
    expect(JSON.parse(record)).toMatchObject({ request_id: answer.headers.get('x-request-id') })
    if (IS_POSTGRES)
      expect(JSON.parse(record)).toMatchObject({
        reason: 'The database does not have the tables of this home, or not yet',
        cause: expect.stringMatching(/^relation "\w+\.session" does not exist$/) as string,
      })
    else expect(record).toContain('no such table: session')
  })

  test('[I2] a body over the limit is answered 413, with or without a declared length', async () => {
    await using service = await startService({ env: { ...UNLIMITED, BODY_LIMIT: '2 KiB' } })
    const { post } = clientOf(service.url)
    const large = { ...PERSON, address: 'x'.repeat(2048) }
    const answer = await post('/register', large)
    expect(answer.status).toBe(413)
    expect(await answer.json()).toStrictEqual({ msg: 'Request body too large' })
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    const streamed = await fetch(`${service.url}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: inChunks(new Uint8Array(8192)),
    })
    expect(streamed.status).toBe(413)
    expect((await post('/register', PERSON)).status).toBe(200)
  })

  test('[I2, G2] what no route would read is refused at its head, and the connection closed', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { hostname, port } = new URL(service.url)
    const stranger = `Authorization: Basic ${btoa('nobody:wrong horse')}`
    /** The answer to a request of which only the head is sent. */
    const answered = (line: string, ...headers: readonly string[]) =>
      new Promise<string>((done) => {
        let text = ''
        const head = [`${line} HTTP/1.1`, 'Host: x', ...headers, '', ''].join('\r\n')
        const socket = connect(Number(port), hostname, () => socket.write(head))
        socket.on('data', (data) => (text += data.toString())).on('close', () => done(text))
      })
    const tooLarge = /^HTTP\/1.1 413 [^]*"Request body too large"/
    for (const [line, length] of [
      ['POST /login', 65_537],
      ['POST /register', 20_000_000],
      ['POST /getLogs', 65_537],
      ['GET /getUsers', 20_000_000],
      ['PATCH /v1/me', 65_537],
      ['DELETE /v1/sessions', 20_000_000],
      ['POST /v1/unlocks', 524_289],
    ] as const)
      expect(await answered(line, stranger, `Content-Length: ${length}`)).toMatch(tooLarge)
    // Nothing would read it, however long it turns out to be.
    for (const line of ['POST /getLogs', 'GET /getUsers', 'POST /v1/session/logout'])
      expect(await answered(line, stranger, 'Transfer-Encoding: chunked')).toMatch(tooLarge)
  })

  test('a body in many chunks is read as one', async () => {
    await using app = await startApp()
    const bytes = new TextEncoder().encode(JSON.stringify({ ...PERSON, address: 'Größe 1' }))
    const answer = await fetch(`${app.url}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: inChunks(bytes),
    })
    expect(await answer.json()).toStrictEqual({ msg: 'User registered successfully' })
    expect(await app.accounts.store.page(0, 1)).toMatchObject([{ address: 'Größe 1' }])
  })

  test('[I2] deep, odd and hostile JSON is the caller’s error', async () => {
    await using app = await startApp({ BODY_LIMIT: '4 MiB' })
    const { post } = app
    const badJson = { msg: 'Invalid JSON format' }
    const answered = async (body: string, type = 'application/json') =>
      (await post('/register', body, { 'content-type': type })).json()
    for (const opening of ['[', '{"a":'])
      expect(await answered(opening.repeat(200_000))).toStrictEqual(badJson)
    expect(await answered(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`)).toHaveProperty(
      'msg',
    )
    for (const body of ['null', '1', '"text"', '[]', '', '{', '\u{feff}x', '{"a":1,}', "{'a':1}"])
      expect(await answered(body)).toStrictEqual(badJson)
    expect(await answered('{}', 'text/plain')).toStrictEqual(badJson)
    expect(await answered('{}', 'application/jsonp')).toStrictEqual(badJson)
    expect(await answered('{}', 'APPLICATION/JSON;charset=UTF-8')).toMatchObject({
      msg: expect.stringContaining('Missing'),
    })
    const notUtf8 = await fetch(`${app.url}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: Uint8Array.from([...Buffer.from('{"username":"'), 0xc3, 0x28, ...Buffer.from('"}')]),
    })
    expect(await notUtf8.json()).toStrictEqual(badJson)
  })

  test('a body that is not declared as JSON is told which header is missing, except where the contract has its own words', async () => {
    await using app = await startApp()
    const owner = bearer(await app.signIn('oli', 'owner'))
    const detail =
      'The body is not declared as JSON: send the header Content-Type: application/json'
    for (const type of [undefined, 'text/plain', 'application/x-www-form-urlencoded']) {
      const send = (path: string, method: string) =>
        fetch(app.url + path, {
          method,
          headers: { ...owner, ...(type === undefined ? {} : { 'content-type': type }) },
          // A text would be declared as such.
          body: new TextEncoder().encode('{"registration":"closed"}'),
        })
      const answer = await send('/v1/settings', 'PATCH')
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ code: 'invalid', detail })
      for (const path of ['/register', '/login', '/logUnlocking'])
        expect(await (await send(path, 'POST')).json()).toStrictEqual({
          msg: 'Invalid JSON format',
        })
    }
    expect(await (await app.get('/v1/settings', owner)).text()).not.toContain('closed')
  })

  test('[I2] __proto__ and constructor in a body do not count as fields', async () => {
    await using app = await startApp()
    const hostile =
      '{"__proto__":{"username":"ada","password":"x"},"constructor":{"prototype":{"role":"owner"}}}'
    const answer = await app.post('/login', hostile)
    expect(await answer.json()).toStrictEqual({ msg: 'Missing username, password' })
    expect(({} as Record<string, unknown>)['role']).toBeUndefined()
  })

  test('[I2] text is refused or stored as it is, never as something else', async () => {
    await using app = await startApp()
    const refused = ['a\u0000b', 'a\u001b[31m', '\ud800', 'a\nb', '', 'x'.repeat(51), '\u0085']
    for (const username of refused) {
      const answer = await app.post('/register', { ...PERSON, username })
      expect(await answer.json()).toStrictEqual({ msg: 'Invalid username' })
    }
    const kept = [
      'аda',
      'Ada',
      ' ada ',
      '😀'.repeat(50),
      'a\u200db',
      "'; DROP TABLE account; --",
      '=1+1',
      '__proto__',
      'e\u0301',
    ]
    for (const username of kept)
      expect((await app.post('/register', { ...PERSON, username })).status).toBe(200)
    expect((await app.accounts.store.page(0, 100)).map((person) => person.username)).toStrictEqual(
      kept,
    )
    const address = 'Line 1\r\nLine 2\t'
    const person = { ...PERSON, username: 'someone', address }
    expect((await app.post('/register', person)).status).toBe(200)
    expect((await app.accounts.store.page(kept.length, 1))[0]?.address).toBe(address)
  })

  test('[I2] of two members with the same name, the last one counts in full', async () => {
    await using app = await startApp()
    await app.post(
      '/register',
      `{"username":"first","username":"last","password":"${PASSWORD}","phone":"1","address":"x"}`,
    )
    expect((await app.accounts.store.page(0, 9)).map((person) => person.username)).toStrictEqual([
      'last',
    ])
  })

  test('[I2] any JSON value in any field is answered below 500', async () => {
    await using app = await startApp()
    const token = await app.signIn('owner', 'owner')
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('/login', '/register', '/logUnlocking'),
        fc.dictionary(
          fc.constantFrom('username', 'password', 'phone', 'unlocking-method'),
          fc.jsonValue(),
        ),
        async (path, body) => {
          const answer = await app.post(path, body, bearer(token))
          expect(answer.status).toBeWithin(200, 500)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('names that differ only in invisible characters count as one', async () => {
    await using app = await startApp()
    await app.post('/register', PERSON)
    for (const username of [' ada', 'ada ', 'ad\u200ba', '\u202eada', 'ada\u00a0']) {
      const answer = await app.post('/register', { ...PERSON, username })
      expect(await answer.json()).toStrictEqual({ msg: 'User already exists' })
      expect((await app.post('/login', { ...PERSON, username })).status).toBe(200)
    }
    const blank = await app.post('/register', { ...PERSON, username: ' \u200b ' })
    expect(await blank.json()).toStrictEqual({ msg: 'Invalid username' })
    await app.post('/register', { ...PERSON, username: 'Jose\u0301' })
    const again = await app.post('/register', { ...PERSON, username: 'Jos\u00e9' })
    expect(await again.json()).toStrictEqual({ msg: 'User already exists' })
    expect((await app.post('/login', { ...PERSON, username: 'Jos\u00e9' })).status).toBe(200)
  })
})

describe('every answer', () => {
  test('[I5] has its headers at every status, no server name, no CORS, HSTS only over TLS', async () => {
    await using service = await startService({ env: { ...UNLIMITED, RATE_LIMIT_UNLOCK: '1/hour' } })
    const { post, get, url } = clientOf(service.url)
    const origin = { origin: 'https://evil.example' }
    const large = { ...PERSON, address: 'x'.repeat(70_000) }
    const answers = [
      [200, await get('/')],
      [200, await get('/swagger')],
      [200, await post('/register', PERSON)],
      [400, await post('/login', '{')],
      [401, await post('/login', { username: 'ada', password: 'wrong' })],
      [401, await post('/logUnlocking', {})],
      [401, await get('/getLogs')],
      [403, await post('/login', {}, origin)],
      [403, await get('/', origin)],
      [404, await get('/nowhere')],
      [405, await fetch(`${url}/login`, { method: 'OPTIONS' })],
      [413, await post('/register', large)],
      [421, await get('/', { host: 'evil.example', ...origin })],
      [429, await post('/logUnlocking', {})],
    ] as const
    for (const [status, { status: got, headers }] of answers) {
      expect(got).toBe(status)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
      for (const absent of [
        'server',
        'x-powered-by',
        'strict-transport-security',
        'access-control-allow-origin',
      ])
        expect(headers.has(absent)).toBe(false)
    }
  })

  test('[I5] CORS answers the configured origins and no other', async () => {
    await using app = await startApp({ CORS_ORIGINS: 'https://home.example' })
    const allowed = async (origin: string) =>
      (await app.get('/livez', { origin })).headers.get('access-control-allow-origin')
    expect(await allowed('https://home.example')).toBe('https://home.example')
    expect(await allowed('https://home.example.evil.example')).toBeNull()
    const preflight = await fetch(`${app.url}/login`, {
      method: 'OPTIONS',
      headers: { origin: 'https://home.example', 'access-control-request-method': 'POST' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.has('access-control-allow-credentials')).toBe(false)
    const allowedHeaders = preflight.headers.get('access-control-allow-headers')?.toLowerCase()
    const documented = operationsOf(await specOf(await app.get('/swagger/json')))
      .flatMap(([, { parameters = [] }]) => parameters)
      .filter((one) => one.in === 'header')
      .map(({ name }) => name)
    expect(documented).toContain('idempotency-key')
    expect(allowedHeaders?.split(', ').toSorted()).toStrictEqual(
      ['authorization', 'content-type', ...new Set(documented)].toSorted(),
    )
  })

  test('a time may be in lower case, and its + unescaped in a query', async () => {
    await using app = await startApp()
    const headers = bearer(await app.signIn('own', 'owner'))
    for (const occurred_at of ['2026-11-22t18:30:00z', '2026-11-22t20:30:00.5+02:00']) {
      const recorded = await app.post('/v1/unlocks', { method: 'pin +', occurred_at }, headers)
      expect(recorded.status).toBe(200)
    }
    const read = async (query: string) => (await app.get(`/v1/unlocks${query}`, headers)).json()
    const { unlocks } = (await read('')) as { unlocks: { occurred_at: string }[] }
    expect(unlocks.map(({ occurred_at }) => occurred_at)).toStrictEqual([
      '2026-11-22T18:30:00.500Z',
      '2026-11-22T18:30:00.000Z',
    ])
    const span = '?from=2026-11-22T20:00:00.000+02:00&to=2026-11-22t21:00:00.000%2b02:00'
    expect(await read(span)).toMatchObject({ unlocks: [{ seq: 1 }, { seq: 0 }] })
    expect(await read('?from=2026-11-22T21:00:00+02:00')).toMatchObject({ unlocks: [] })
    // Where a space is accepted, a plus is one (application/x-www-form-urlencoded).
    expect(await read('?method=pin+%2B')).toMatchObject({ unlocks: [{ seq: 1 }, { seq: 0 }] })
    const stats = await app.get('/v1/unlocks/stats?zone=Etc/GMT+5', headers)
    expect(await stats.json()).toMatchObject({ zone: 'Etc/GMT+5' })
  })

  test('a token may follow its scheme after several spaces, and the scheme has no case', async () => {
    await using app = await startApp()
    const token = await app.signIn('own', 'owner')
    const { authorization: password } = basic('own', PASSWORD)
    const status = async (path: string, authorization: string) =>
      (await app.get(path, { authorization })).status
    for (const header of [`Bearer ${token}`, `bearer   ${token}`, `BEARER  ${token} `])
      expect(`${header.length} ${await status('/v1/me', header)}`).toEndWith(' 200')
    for (const header of [
      `Bearer${token}`,
      `Bearer ${token} ${token}`,
      `Bearer\t${token}`,
      'Bearer',
    ])
      expect(`${header.length} ${await status('/v1/me', header)}`).toEndWith(' 401')
    const encoded = password.split(' ')[1] ?? ''
    for (const header of [`Basic ${encoded}`, `basic    ${encoded}`])
      expect(await status('/getUsers', header)).toBe(200)
  })

  test('under /v1 errors are RFC 9457 problem details', async () => {
    await using app = await startApp()
    const answer = await app.get('/v1/nowhere')
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(await answer.json()).toStrictEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'Not found',
      code: 'not_found',
    })
  })

  test('[I2] a path that cannot be decoded is answered 404 on every route with a parameter', async () => {
    await using app = await startApp()
    const headers = bearer(await app.signIn('oli', 'owner'))
    const routes = app.http.routes.filter(({ path }) => /:/.test(path))
    expect(routes.length).toBeGreaterThan(8)
    for (const { method, path } of routes)
      for (const escape of ['%', '%ff', '%zz', '%c0%ae']) {
        const url = app.url + path.replaceAll(/:\w+/g, escape)
        // What any of these routes needs.
        const fields = {
          role: 'member',
          reason: 'x',
          until: '2026-01-01T00:00:00Z',
          uses: 1,
          name: 'x',
          id: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81',
          account: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81',
          kind: 'shelly',
          settings: { url: 'http://192.0.2.7/' },
          password: PASSWORD,
          since_seq: 1,
        }
        const body = method === 'GET' || method === 'DELETE' ? null : JSON.stringify(fields)
        const more = { 'content-type': 'application/json', 'if-match': '"1"' }
        const answer = await fetch(url, { method, body, headers: { ...headers, ...more } })
        expect([method, path, escape, answer.status]).toStrictEqual([method, path, escape, 404])
      }
    expect(app.logLines.filter((line) => line.includes('request failed'))).toBeEmpty()
  })

  test('[I1, I2] a request with a missing or odd Host is answered and limited like any other, its address not logged', async () => {
    await using service = await startService({
      env: { ...UNLIMITED, RATE_LIMIT_DEFAULT: '20/minute' },
    })
    const { hostname, port } = new URL(service.url)
    const status = (request: string) =>
      new Promise<string>((done) => {
        const socket = connect(Number(port), hostname, () => socket.write(request))
        socket.once('data', (data) => {
          done(data.toString().slice(9, 12))
          socket.destroy()
        })
      })
    const ask = (host: string) =>
      status(`GET /livez?access_token=kanarienvogel HTTP/1.${host ? 1 : 0}\r\n${host}\r\n`)
    for (const host of ['', 'Host: [\r\n', 'Host: a@localhost:99999\r\n', 'Host: pi\r\n'])
      expect(await ask(host)).toBe('200')
    expect(await status('DELETE /livez HTTP/1.1\r\nHost: pi\r\n\r\n')).toBe('405')
    const statuses = []
    for (let request = 0; request < 30; request++) statuses.push(await ask('Host: [\r\n'))
    expect(new Set(statuses)).toStrictEqual(new Set(['200', '429']))
    await service.stop()
    expect(service.output().log).not.toContain('kanarienvogel')
  })

  test('[I2] lists are read page by page with any Host or none', async () => {
    await using app = await startApp()
    const owner = await app.signIn('oli', 'owner')
    await app.signIn('ada')
    const { hostname, port } = new URL(app.url)
    const ask = (host: string) =>
      new Promise<string>((done) => {
        const request = `GET /v1/people?limit=1 HTTP/1.${host ? 1 : 0}\r\n${host}Authorization: Bearer ${owner}\r\nConnection: close\r\n\r\n`
        const socket = connect(Number(port), hostname, () => socket.write(request))
        let answer = ''
        socket.on('data', (data) => (answer += data.toString())).on('close', () => done(answer))
      })
    for (const host of [
      '',
      '\r\n',
      ' [\r\n',
      ' a b\r\n',
      ' a/b?c\r\n',
      ' x:99999\r\n',
      ' pi\r\n',
    ]) {
      const answer = await ask(host && `Host:${host}`)
      expect(`${host}: ${answer.slice(9, 12)}`).toBe(`${host}: 200`)
      expect(answer).toMatch(/^link: <\/v1\/people\?limit=1&cursor=[\w-]+>; rel="next"/im)
    }
  })

  test('bytes that are not HTTP do not stop the service', async () => {
    await using service = await startService({ env: UNLIMITED })
    const { hostname, port } = new URL(service.url)
    const raw = (bytes: string) =>
      new Promise<void>((done) => {
        const socket = connect(Number(port), hostname, () => socket.end(bytes))
        socket.on('close', () => done()).on('error', () => done())
        socket.resume()
      })
    const requests = [
      '\u0016\u0003\u0001 hello',
      'GET / HTTP/9.9\r\n\r\n',
      'GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET //evil.example/%00%zz HTTP/1.1\r\nHost: \u0001\r\n\r\n',
      'POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
      'POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    ]
    for (const bytes of requests) await raw(bytes)
    expect((await clientOf(service.url).get('/readyz')).status).toBe(200)
    expect(await runCommand(['healthcheck'], { env: { PORT: port } })).toMatchObject({ status: 0 })
  })
})
