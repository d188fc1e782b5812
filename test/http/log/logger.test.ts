import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { logWritten, processLogger, switchLevel } from '../../../src/http/log/logger.ts'
import { bearer, startApp } from '../../support/app.ts'
import { until } from '../../support/until.ts'

describe('the log', () => {
  const lines = (
    format: 'json' | 'text',
    write: (log: ReturnType<typeof processLogger>) => void,
  ) => {
    const out: string[] = []
    write(processLogger({ level: 'info', format, write: (line) => out.push(line) }))
    return out
  }

  test('[I4] no field can forge a line or reach the terminal', () => {
    for (const format of ['json', 'text'] as const) {
      const out = lines(format, (log) =>
        log.info({ name: 'a\r\nb\u001b[31m', err: new Error('x\ny') }, 'hello'),
      )
      expect(out).toHaveLength(1)
      expect(out[0]?.slice(0, -1)).not.toMatch(/\p{Cc}/u)
    }
    // C1 control characters too, and those that change the direction of text.
    const [line] = lines('text', (log) => log.info({ name: '\u009b31m\u202e' }, 'a\u2028b'))
    expect(line?.slice(20)).toBe('info   a\\u2028b  name=\\u009b31m\\u202e\n')
    const [json = ''] = lines('json', (log) => log.info({ name: '\u009b31m\u202e' }, 'a\u2028b'))
    expect(json).toEndWith('"name":"\\u009b31m\\u202e","msg":"a\\u2028b"}\n')
    expect(JSON.parse(json)).toMatchObject({ name: '\u009b31m\u202e', msg: 'a\u2028b' })
  })

  test('nothing waits for standard output to take a line', async () => {
    processLogger({ level: 'error', format: 'json' }).info('below the level, so not seen')
    await logWritten()
  })

  test('requests in the last turn of the event loop are in the log, however the process ends', () => {
    for (const end of ['process.exit(3)', 'throw new Error()', '']) {
      const script = `const { processLogger } = await import('./src/http/log/logger.ts')
        const log = processLogger({ level: 'info', format: 'json' })
        for (let line = 0; line < 100; line += 1) log.info({ line }, 'request')
        ${end}`
      const { stdout } = Bun.spawnSync([process.execPath, '-e', script], {
        cwd: join(import.meta.dir, '../../..'),
      })
      const written = stdout.toString().trimEnd().split('\n')
      expect(written.map((line) => (JSON.parse(line) as { line: number }).line)).toStrictEqual(
        Array.from({ length: 100 }, (_, line) => line),
      )
    }
  })

  test('text is for people: local time, level, message, fields', () => {
    const [line] = lines('text', (log) => log.warn({ port: 1, name: 'a b' }, 'hello'))
    expect(line).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d warn {3}hello {2}port=1 {2}name="a b"\n$/)
    const { stdout } = Bun.spawnSync(
      [
        process.execPath,
        '-e',
        `console.log((await import('./src/http/log/text-line.ts')).textLine(${JSON.stringify({ time: '2026-11-25T23:30:00.000Z', level: 'info', msg: 'hello' })}, false))`,
      ],
      { env: { ...process.env, TZ: 'Asia/Tokyo' }, cwd: join(import.meta.dir, '../../..') },
    )
    expect(stdout.toString().trim()).toBe('2026-11-26 08:30:00 info   hello')
  })

  test('text has requests in columns, and the first eight characters of ids', () => {
    const request = {
      request_id: '4f0f0a3e-8a52-4b0c-9a0e-3f7a1c5d2b10',
      method: 'POST',
      route: '/logUnlocking',
      status: 200,
      duration_ms: 0.84,
      client: '192.168.1.34',
      account: '6f1b4e0a-5a7e-4d0e-9a3b-0f5f6c2d7e81',
    }
    const event = {
      action: 'login',
      result: 'failure',
      client: '192.168.1.66',
      detail: { reason: 'otp_invalid' },
    }
    const out = lines('text', (log) => {
      log.info(request, 'request')
      log.info({ ...request, route: '/login', status: 401, account: undefined }, 'request')
      log.warn(event, 'audit event')
    })
    expect(out.map((line) => line.slice(20))).toStrictEqual([
      'info   200 POST    /logUnlocking                  0.8 ms  192.168.1.34  by 6f1b4e0a  4f0f0a3e\n',
      'info   401 POST    /login                         0.8 ms  192.168.1.34  4f0f0a3e\n',
      'warn   login failure  at 192.168.1.66  reason=otp_invalid\n',
    ])
  })

  test('text shows an error with the calls that led there', () => {
    const [line] = lines('text', (log) => log.error({ err: new TypeError('no\nway') }, 'failed'))
    expect(line).toMatch(/ error {2}failed {2}err=TypeError: "no\\nway" < at .* < at .*\n$/)
  })

  test('text is coloured only on request', () => {
    const out: string[] = []
    const write = (line: string) => out.push(line)
    for (const isColoured of [true, false])
      processLogger({ level: 'info', format: 'text', isColoured, write }).error('hello')
    expect(out[0]).toContain('\u001b[31merror\u001b[0m')
    expect(out[1]).not.toContain('\u001b')
  })

  test('its level switches to debug and back, or to info if the setting is debug', () => {
    const log = processLogger({ level: 'warn', format: 'json', write: () => {} })
    expect(switchLevel(log, 'warn')).toStrictEqual({ from: 'warn', to: 'debug' })
    expect(switchLevel(log, 'warn')).toStrictEqual({ from: 'debug', to: 'warn' })
    log.level = 'debug'
    expect(switchLevel(log, 'debug')).toStrictEqual({ from: 'debug', to: 'info' })
    expect(switchLevel(log, 'debug')).toStrictEqual({ from: 'info', to: 'debug' })
  })

  test('[T6] a token in a URL opens nothing, and is in no log line', async () => {
    await using app = await startApp()
    const token = await app.signIn('own', 'owner')
    for (const name of ['access_token', 'token', 'authorization'])
      expect((await app.get(`/getLogs?${name}=${token}`)).status).toBe(401)
    expect((await app.get('/getLogs', { authorization: `Bearer ${token}` })).status).toBe(200)
    await until(() => app.logLines.filter((line) => line.includes('"request"')).length >= 4)
    expect(app.logLines.join('')).not.toContain(token.slice(0, 40))
  })

  test('each request is one entry, with its route and without its query', async () => {
    await using app = await startApp()
    await app.get('/swagger/json?token=kanarienvogel')
    await app.get('/kanarienvogel')
    await app.post('/login', {})
    await until(() => app.logLines.length >= 3)
    const records = app.logLines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(records).toMatchObject([
      { msg: 'request', method: 'GET', route: '/swagger/json', status: 200, client: '127.0.0.1' },
      { msg: 'request', method: 'GET', route: '/*', status: 404 },
      { msg: 'request', method: 'POST', route: '/login', status: 400 },
    ])
    expect(app.logLines.join('')).not.toContain('kanarienvogel')
  })

  test('probes of supervisors and proxies are logged only if they fail, or at debug', async () => {
    await using app = await startApp()
    const entries = (): unknown[][] =>
      app.logLines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ msg }) => msg === 'request')
        .map(({ level, route, status }) => [level, route, status])
    /** Returns the entries of two probes, once the request after them has its own. */
    const probe = async (): Promise<unknown[][]> => {
      app.logLines.length = 0
      for (const path of ['/livez', '/readyz', '/v1']) await app.get(path)
      await until(() => entries().some(([, route]) => route === '/*'))
      return entries().slice(0, -1)
    }
    expect(await probe()).toStrictEqual([])
    app.logger.level = 'debug'
    expect(await probe()).toStrictEqual([
      ['debug', '/livez', 200],
      ['debug', '/readyz', 200],
    ])
    app.logger.level = 'info'
    const token = await app.signIn('ada')
    expect((await app.post('/v1/unlocks', { method: 'pin' }, bearer(token))).status).toBe(200)
    await app.db.run("UPDATE unlock_event SET method = 'app'")
    await app.unlocks.verification.verifyAll()
    expect(await probe()).toStrictEqual([['info', '/readyz', 503]])
  })
})
