import { describe, expect, test } from 'bun:test'
import { usernameKeyOf } from '../../src/accounts/core/username.ts'
import { coalescingRecorder } from '../../src/audit/coalescing.ts'
import { strangerDays } from '../../src/audit/stranger-days.ts'
import { HOUR_MS } from '../../src/domain/duration.ts'
import { AppError } from '../../src/errors.ts'
import type { AuditEvent } from '../../src/domain/audit-event.ts'
import { processLogger } from '../../src/http/log/logger.ts'
import { bearer, startApp } from '../support/app.ts'
import { until } from '../support/until.ts'

const DENIED: AuditEvent = { action: 'access.deny', result: 'failure', detail: { status: 401 } }
const ADA = { id: 1, publicId: 'ada', username: 'ada', role: 'member', admitted: true } as const

const at = (address: string) => ({ address, userAgent: '', requestId: undefined })

const recorder = () => {
  const recorded: string[] = []
  const disk = { isFull: false, keepsInMemory: false, mayStandAlone: true }
  const lines: string[] = []
  const repeats = coalescingRecorder({
    record: async ({ address, account }, { action, detail }) => {
      if (disk.isFull) throw new AppError('unavailable', 'The disk is full')
      recorded.push(
        [account?.publicId ?? address, action, detail?.['repeats'] ?? 'first'].join(' '),
      )
    },
    mayStandAlone: () => disk.mayStandAlone,
    keepsInMemory: () => disk.keepsInMemory,
    logger: processLogger({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
  })
  return { ...repeats, recorded, disk, lines }
}

describe('an event that anyone can cause without limit', () => {
  test('[O3] is recorded at once, then once a minute with its count, and at once again after a quiet minute', async () => {
    const { recordCoalesced, recordRepeats, recorded, close } = recorder()
    for (let times = 0; times < 100; times += 1) await recordCoalesced(at('192.0.2.1'), DENIED)
    expect(recorded).toStrictEqual(['192.0.2.1 access.deny first'])
    await recordRepeats()
    for (let times = 0; times < 7; times += 1) await recordCoalesced(at('192.0.2.1'), DENIED)
    await recordRepeats()
    await recordRepeats()
    await recordCoalesced(at('192.0.2.1'), DENIED)
    await close()
    expect(recorded.slice(1)).toStrictEqual([
      '192.0.2.1 access.deny 99',
      '192.0.2.1 access.deny 7',
      '192.0.2.1 access.deny first',
    ])
  })

  test('[G3] waits in memory while the disk keeps its last reserve, and is recorded after that', async () => {
    const { recordCoalesced, recordRepeats, recorded, disk, close } = recorder()
    disk.keepsInMemory = true
    for (let times = 0; times < 10; times += 1) await recordCoalesced(at('192.0.2.1'), DENIED)
    await recordRepeats()
    expect(recorded).toStrictEqual([])
    disk.keepsInMemory = false
    await recordRepeats()
    await close()
    expect(recorded).toStrictEqual(['192.0.2.1 access.deny 10'])
  })

  test('[G3] shares one event a minute with all others once a client has had its share of a day', async () => {
    const { recordCoalesced, recordRepeats, recorded, disk, close } = recorder()
    disk.mayStandAlone = false
    for (let host = 0; host < 50; host += 1) await recordCoalesced(at(`192.0.2.${host}`), DENIED)
    await recordRepeats()
    await close()
    expect(recorded).toStrictEqual(['192.0.2.0 access.deny first', '192.0.2.49 access.deny 49'])
  })

  test('[G3] has a hundred events of its own a day for each client, by the monotonic clock', () => {
    const clock = { ms: 0 }
    const mayStandAlone = strangerDays({ monotonicMs: () => clock.ms })
    const stored = (address: string, event = DENIED) => {
      let count = 0
      for (let times = 0; times < 500; times += 1) if (mayStandAlone(at(address), event)) count += 1
      return count
    }
    expect([stored('192.0.2.1'), stored('192.0.2.1'), stored('192.0.2.2')]).toStrictEqual([
      100, 0, 100,
    ])
    expect(stored('192.0.2.1', { action: 'login', result: 'success' })).toBe(500)
    clock.ms += 25 * HOUR_MS
    expect(stored('192.0.2.1')).toBe(100)
  })

  test('[G3, O3] does not hide the first of another kind, or against another person', () => {
    const mayStandAlone = strangerDays({ monotonicMs: () => 0 })
    const from = at('192.0.2.1')
    for (let times = 0; times < 500; times += 1) mayStandAlone(from, DENIED)
    const against = (subject: string) =>
      ({ action: 'account.role', result: 'failure', subject }) as const
    expect(mayStandAlone(from, DENIED)).toBe(false)
    expect([1, 2].map(() => mayStandAlone(from, against('oli')))).toStrictEqual([true, false])
    expect(mayStandAlone(from, against('amy'))).toBe(true)
    const others = Array.from({ length: 500 }, (_, person) =>
      mayStandAlone(from, against(`p${person}`)),
    )
    expect(others.filter(Boolean)).toHaveLength(98)
  })

  test('[O3] is counted separately for each client, person and kind of refusal', async () => {
    const { recordCoalesced, recorded, close } = recorder()
    const other = { ...DENIED, detail: { status: 403 } }
    for (const event of [DENIED, other]) {
      await recordCoalesced(at('2001:db8::1'), event)
      await recordCoalesced(at('2001:db8::2'), event)
      await recordCoalesced(at('2001:db8:1::1'), event)
      await recordCoalesced({ ...at('2001:db8::1'), account: ADA }, event)
    }
    expect(recorded).toStrictEqual([
      '2001:db8::1 access.deny first',
      '2001:db8:1::1 access.deny first',
      'ada access.deny first',
      'ada access.deny first',
    ])
    await close()
  })

  test('[O3] fills a bounded number of groups, however many clients there are', async () => {
    const { recordCoalesced, recordRepeats, recorded, close } = recorder()
    const garbage = async () => {
      for (let host = 0; host < 5000; host += 1)
        await recordCoalesced(at(`10.0.${host >> 8}.${host & 255}`), DENIED)
    }
    await garbage()
    expect(recorded).toHaveLength(101)
    await garbage()
    await recordRepeats()
    expect(recorded).toHaveLength(202)
    await recordCoalesced(
      { ...at('192.0.2.1'), account: ADA },
      { action: 'login', result: 'success' },
    )
    expect(recorded.at(-1)).toBe('ada login first')
    await close()
  })

  test('[D4] is kept while the disk is full, and recorded once there is room', async () => {
    const { recordCoalesced, recordRepeats, recorded, disk, lines, close } = recorder()
    disk.isFull = true
    for (let times = 0; times < 3; times += 1) await recordCoalesced(at('192.0.2.1'), DENIED)
    await recordRepeats()
    expect(recorded).toStrictEqual([])
    expect(lines).toHaveLength(2)
    disk.isFull = false
    await close()
    expect(recorded).toStrictEqual(['192.0.2.1 access.deny 3'])
  })
})

test('[I4] no header, name or path forges a log line or an audit event', async () => {
  await using app = await startApp()
  // A name of an earlier version, which took such signs.
  const name = 'ada\u2028{"action":"login"}'
  const token = await app.signIn('ada')
  await app.db.run('UPDATE account SET username = ?, username_key = ?', name, usernameKeyOf(name))
  const evil = { 'user-agent': 'x\u009b31m"}{"msg":"audit event"', 'x-forwarded-for': '"\u0085' }
  await app.get('/v1/audit?%0d%0a', { ...bearer(token), ...evil })
  await app.get('/v1/audit', { ...bearer('%0a%1b[31m'), ...evil })
  await app.post('/login', { username: name, password: 'wrong' }, evil)
  await until(() => app.logLines.filter((line) => line.includes('"request"')).length >= 3)
  const lines = app.logLines.map((line) => {
    expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029]/u)
    return JSON.parse(line) as Record<string, unknown>
  })
  expect(lines.filter(({ msg }) => msg === 'audit event')).toMatchObject([
    { action: 'login', result: 'success', client: '127.0.0.1' },
    { action: 'proxy.untrusted', client: '127.0.0.1' },
    { action: 'access.deny', client: '127.0.0.1', detail: { route: '/v1/audit', status: 403 } },
    { action: 'access.deny', client: '127.0.0.1', detail: { route: '/v1/audit', status: 401 } },
    { action: 'login', result: 'failure' },
  ])
})
