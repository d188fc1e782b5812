import { describe, expect, test } from 'bun:test'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { DAY_MS } from '../../src/domain/duration.ts'
import { ConfigError, parseConfig } from '../../src/config/config.ts'
import { homeZone } from '../../src/config/home-zone.ts'
import { SETTINGS } from '../../src/config/settings.ts'
import { temporaryFolder } from '../support/binary.ts'

const faults = (env: Record<string, string>): string => {
  try {
    parseConfig(env)
    return ''
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    return (error as Error).message
  }
}

const SECRET = 'qJ8vN2xW5tR9mK4pL7sB3dF6gH1cZ0yT'

describe('settings', () => {
  test('the defaults are those of the design', () => {
    const config = parseConfig({})
    expect(config).toMatchObject({
      host: '0.0.0.0',
      port: 8080,
      accessTokenMs: 30 * 60_000,
      debug: false,
    })
    expect(config.databasePath).toBe(join(config.dataDir, 'secure-lock.db'))
    expect(config.bodyBytesMax).toBe(65_536)
    expect(config.rateLimitAuth).toStrictEqual([
      { max: 20, windowMs: 60_000 },
      { max: 100, windowMs: 3_600_000 },
    ])
    expect(Object.isFrozen(config)).toBe(true)
  })

  test('the older app’s names and forms keep working', () => {
    const config = parseConfig({
      DATABASE_URI: 'sqlite:////var/lib/lock.db',
      JWT_SECRET_KEY: SECRET,
      JWT_ACCESS_TOKEN_EXPIRES: '15',
      DEBUG: 'True',
    })
    expect(config).toMatchObject({
      databasePath: '/var/lib/lock.db',
      debug: true,
      accessTokenMs: 15 * 60_000,
    })
    expect(parseConfig({ DATABASE_URI: 'sqlite:///lock.db' }).databasePath).toBe(
      join(process.cwd(), 'lock.db'),
    )
  })

  test('the zone of the home is that of a place, by its current name', () => {
    for (const [text, zone] of [
      ['Europe/Berlin', 'Europe/Berlin'],
      ['UTC', 'UTC'],
      ['Europe/Kiev', 'Europe/Kyiv'],
      ['Asia/Calcutta', 'Asia/Kolkata'],
      ['Etc/UTC', 'UTC'],
    ] as const)
      expect(parseConfig({ HOME_ZONE: text }).homeZone).toBe(zone)
    for (const text of [
      'EST',
      'est',
      'CET',
      'EST5EDT',
      '+02:00',
      'Etc/GMT+1',
      'Mars/Olympus',
      '2026-11-30T12:00[UTC]',
    ])
      expect([text, faults({ HOME_ZONE: text })]).toStrictEqual([
        text,
        expect.stringContaining('HOME_ZONE must be UTC or the name of a place'),
      ])
    expect(parseConfig({}).homeZone).toBeUndefined()
    expect(homeZone(parseConfig({ HOME_ZONE: 'Pacific/Auckland' }))).toBe('Pacific/Auckland')
  })

  test.each([
    ['Europe/Kiev', 'Europe/Kiev', 'Europe/Kyiv', null],
    [':Europe/Paris', 'Europe/Paris', 'Europe/Paris', null],
    ['UTC0', 'UTC0', 'UTC', null],
    ['/usr/share/zoneinfo/Etc/UTC', null, 'UTC', 'TZ is not a time zone that this program knows'],
    ['Foo/Bar', 'Foo/Bar', 'UTC', 'TZ is not a time zone that this program knows'],
    ['CET-1CEST', 'CET-1CEST', 'UTC', 'TZ is not a time zone that this program knows'],
  ])('without HOME_ZONE it is that of the system: TZ=%s names %s, which is %s', (...row) => {
    const [tz, name, zone, fault] = row
    const script = `
      const { homeZone, homeZoneName, systemZoneFault } = await import('${join(import.meta.dir, '../../src/config/home-zone.ts')}')
      const name = homeZoneName({ homeZone: undefined })
      console.log(JSON.stringify([homeZone({}), name ?? null, systemZoneFault(process.env.TZ) ?? null]))`
    const { stdout } = Bun.spawnSync([process.execPath, '-e', script], {
      env: { ...process.env, TZ: tz },
    })
    expect(JSON.parse(stdout.toString())).toStrictEqual([
      zone,
      name,
      fault === null ? null : expect.stringContaining(fault),
    ])
  })

  test('names of hosts are read as browsers send them, and nothing else is one', () => {
    expect(parseConfig({ ALLOWED_HOSTS: 'Lock.Fritz.Box, *.home.arpa,tür.example' })).toMatchObject(
      {
        allowedHosts: ['lock.fritz.box', '*.home.arpa', 'xn--tr-xka.example'],
      },
    )
    for (const text of [
      'https://lock.home',
      'lock.home:8080',
      'lock.home/x',
      'a b',
      '*',
      '*.*.home',
      'a@b',
    ])
      expect([text, faults({ ALLOWED_HOSTS: text })]).toStrictEqual([
        text,
        expect.stringContaining('ALLOWED_HOSTS must be host names'),
      ])
  })

  test('every fault is named at once, and no secret is repeated', () => {
    const message = faults({
      PORT: '80a',
      HOST: 'nowhere.example',
      DEBUG: 'maybe',
      REGISTRATION: 'sometimes',
      PUBLIC_URL: 'lock.home',
      RATE_LIMIT_AUTH: '20 per minute',
      TRUSTED_PROXIES: '10.0.0.0/99',
      CORS_ORIGINS: 'https://home.example/',
      BODY_LIMIT: '1 GiB',
      LOG_RETENTION_DAYS: '36501',
      LOG_LEVEL: 'loud',
      JWT_SECRET_KEY: 'too-short-kanarienvogel',
      JWT_ACCESS_TOKEN_EXPIRES: '0',
      PASSWORD_MIN_LENGTH: '7',
      DATABASE_URI: 'postgres://x',
      TLS_CERT_FILE: '/a.pem',
    })
    for (const name of [
      'PORT',
      'HOST',
      'DEBUG',
      'REGISTRATION',
      'PUBLIC_URL',
      'RATE_LIMIT_AUTH',
      'TRUSTED_PROXIES',
      'CORS_ORIGINS',
      'BODY_LIMIT',
      'LOG_RETENTION_DAYS',
      'LOG_LEVEL',
      'JWT_SECRET_KEY',
      'JWT_ACCESS_TOKEN_EXPIRES',
      'PASSWORD_MIN_LENGTH',
      'DATABASE_URI',
      'TLS_CERT_FILE',
    ])
      expect(message).toContain(`\n  ${name} `)
    expect(message).not.toContain('kanarienvogel')
  })

  test('names are kept for ever unless a whole number of days says otherwise', () => {
    expect(parseConfig({}).logRetentionMs).toBeUndefined()
    expect(parseConfig({ LOG_RETENTION_DAYS: '1' }).logRetentionMs).toBe(DAY_MS)
    expect(parseConfig({ LOG_RETENTION_DAYS: '36500' }).logRetentionMs).toBe(36_500 * DAY_MS)
    for (const bad of ['0', '-1', '1.5', '30 days', '36501', 'none'])
      expect(faults({ LOG_RETENTION_DAYS: bad })).toContain('whole number from 1 to 36500')
  })

  test('[T2] a secret that is short or a known example is refused with the command that makes a good one', () => {
    for (const bad of [
      'short',
      'x'.repeat(64),
      'your-secret-key-your-secret-key-1234',
      'change_me_change_me_change_me_ABCDEFGHIJ',
      'super secret key for my jwt tokens!!',
    ])
      expect(faults({ JWT_SECRET_KEY: bad })).toContain('openssl rand -base64 48')
    expect(parseConfig({ JWT_SECRET_KEY: SECRET }).jwtSecretKey).toBe(SECRET)
  })

  test('a secret may come from a file, but not from both places', () => {
    const folder = temporaryFolder()
    const path = join(folder, 'key')
    writeFileSync(path, `${SECRET}\n`)
    expect(parseConfig({ JWT_SECRET_KEY_FILE: path }).jwtSecretKey).toBe(SECRET)
    expect(faults({ JWT_SECRET_KEY_FILE: path, JWT_SECRET_KEY: SECRET })).toContain('are both set')
    expect(faults({ JWT_SECRET_KEY_FILE: join(folder, 'none') })).toContain('cannot be read')
    writeFileSync(path, '\n')
    expect(faults({ JWT_SECRET_KEY_FILE: path })).toContain('empty')
    rmSync(folder, { recursive: true })
  })

  test('limits read like 20/minute;100/hour, or off', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.integer({ min: 1, max: 1e9 - 1 }),
            fc.constantFrom('second', 'minute', 'hour', 'day'),
          ),
          { minLength: 1, maxLength: 4 },
        ),
        (windows) => {
          const text = windows.map(([max, unit]) => `${max}/${unit}`).join(';')
          const { rateLimitUnlock } = parseConfig({ RATE_LIMIT_UNLOCK: text })
          expect(rateLimitUnlock.map(({ max }) => max)).toStrictEqual(windows.map(([max]) => max))
        },
      ),
    )
    expect(parseConfig({ RATE_LIMIT_AUTH: 'off' }).rateLimitAuth).toStrictEqual([])
    for (const bad of ['0/minute', '1/week', '/minute', '1', 'on', '1/minute;', '-1/hour'])
      expect(faults({ RATE_LIMIT_AUTH: bad })).toContain('must look like')
  })

  test('links lead to a web address without a path, or to this machine', () => {
    const publicUrl = (PUBLIC_URL: string) => parseConfig({ PUBLIC_URL }).publicUrl
    expect(publicUrl('')).toBeUndefined()
    expect(publicUrl('https://lock.home:8443')).toBe('https://lock.home:8443')
    expect(publicUrl('http://192.168.1.20:80/')).toBe('http://192.168.1.20')
    for (const bad of [
      'lock.home',
      '//lock.home',
      'ftp://lock.home',
      'javascript:alert(1)',
      'https://lock.home/door',
      'https://lock.home/?x',
      'https://lock.home/#setup',
      'https://me:secret@lock.home',
    ])
      expect(faults({ PUBLIC_URL: bad })).toContain('https://lock.home:8443')
  })

  test('any text in any setting is taken or refused with its name', () => {
    const names = Object.values(SETTINGS).map(({ env }) => env)
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.string(), (name, value) => {
        const message = faults({ [name]: value })
        expect(message === '' || message.includes(name) || message.includes('TLS_')).toBe(true)
      }),
    )
  })
})
