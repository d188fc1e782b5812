import { describe, expect, test } from 'bun:test'
import { logWritten, logger } from '../../src/http/log.ts'
import { startApp } from '../support/app.ts'

describe('the log', () => {
  const lines = (format: 'json' | 'text', write: (log: ReturnType<typeof logger>) => void) => {
    const out: string[] = []
    write(logger({ level: 'info', format, write: (line) => out.push(line) }))
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
  })

  test('standard output takes lines without being waited for', async () => {
    logger({ level: 'error', format: 'json' }).info('below the level, so not seen')
    await logWritten()
  })

  test('text is for people: time, level, message, fields', () => {
    const [line] = lines('text', (log) => log.warn({ port: 1 }, 'hello'))
    expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z WARN {2}hello port=1\n$/)
  })

  test('[T6] a token opens nothing from an address, and is in no log line', async () => {
    await using app = await startApp()
    const token = await app.signIn('own', 'owner')
    for (const name of ['access_token', 'token', 'authorization'])
      expect((await app.get(`/getLogs?${name}=${token}`)).status).toBe(401)
    expect((await app.get('/getLogs', { authorization: `Bearer ${token}` })).status).toBe(200)
    await Bun.sleep(10)
    expect(app.logLines.length).toBeGreaterThan(3)
    expect(app.logLines.join('')).not.toContain(token.slice(0, 40))
  })

  test('each request is one record, by its route and without its query', async () => {
    await using app = await startApp()
    await app.get('/readyz?token=kanarienvogel')
    await app.get('/kanarienvogel')
    await app.post('/login', {})
    await Bun.sleep(10)
    const records = app.logLines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(records).toMatchObject([
      { msg: 'request', method: 'GET', route: '/readyz', status: 200, client: '127.0.0.1' },
      { msg: 'request', method: 'GET', route: '/*', status: 404 },
      { msg: 'request', method: 'POST', route: '/login', status: 400 },
    ])
    expect(app.logLines.join('')).not.toContain('kanarienvogel')
  })
})
