import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { postgresAddress } from '../../../src/config/postgres-address.ts'
import { AppError } from '../../../src/errors.ts'
import { openPostgres } from '../../../src/storage/postgres/open.ts'
import { requireSharedKeys } from '../../../src/storage/files/shared-keys.ts'
import { newSigningKey } from '../../../src/unlocks/tlog/signing-key.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { CAN_POSTGRES, startPostgres } from '../../support/postgres-server.ts'

const program = () => Promise.reject(new Error('this database has no program'))
const KEYS = ['log-signing-key', 'jwt-secret-key', 'guess-key', 'second-factor-key']

describe.if(CAN_POSTGRES)('the keys of a home with several replicas', () => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const openHome = async (schema: string) => {
    const db = await openPostgres(postgresAddress(server.home(schema)), { program })
    /** Starts a replica with a folder; returns what is wrong with its keys. */
    const start = (dataDir: string, tokenSecret?: string): Promise<string> =>
      requireSharedKeys({ db, dataDir, tokenSecret, newLogKey: newSigningKey }).then(
        () => 'started',
        (error: unknown) => (error instanceof AppError ? error.message : String(error)),
      )
    return { db, start, [Symbol.asyncDispose]: () => db.close() }
  }

  const folder = (): string => {
    const path = join(temporaryFolder(), 'data')
    mkdirSync(path)
    return path
  }
  const copyOf = (from: string): string => {
    const to = folder()
    cpSync(from, to, { recursive: true })
    return to
  }
  const refusal = (dataDir: string, names: string): string =>
    `All replicas of a home need the same keys. Missing or different here: ${names}. Copy them from a replica that runs, or from a backup, to ${dataDir}, and start again`

  test('are created by its first start, and copied to the others', async () => {
    await using home = await openHome('first')
    const first = folder()
    expect(await home.start(first)).toBe('started')
    expect(KEYS.filter((name) => !existsSync(join(first, name)))).toEqual([])
    expect(await home.start(first)).toBe('started')
    expect(await home.start(copyOf(first))).toBe('started')
  })

  test('are not created by a replica that has none', async () => {
    await using home = await openHome('no_keys')
    await home.start(folder())
    const second = folder()
    expect(await home.start(second)).toBe(refusal(second, KEYS.join(', ')))
    expect(KEYS.filter((name) => existsSync(join(second, name)))).toEqual([])
  })

  test.each(KEYS)('are refused where %s is missing or another', async (name) => {
    await using home = await openHome(`other_${KEYS.indexOf(name)}`)
    const first = folder()
    await home.start(first)
    const second = copyOf(first)
    rmSync(join(second, name))
    expect(await home.start(second)).toBe(refusal(second, name))
    writeFileSync(join(second, name), 'x'.repeat(64), { mode: 0o600 })
    expect(await home.start(second)).toBe(refusal(second, name))
  })

  test('may be a setting, which must be the same as well', async () => {
    await using home = await openHome('setting')
    const dataDir = folder()
    const secret = 'correct horse battery staple and more'
    expect(await home.start(dataDir, secret)).toBe('started')
    expect(await home.start(dataDir, secret)).toBe('started')
    expect(await home.start(dataDir, `${secret}!`)).toBe(refusal(dataDir, 'JWT_SECRET_KEY'))
    expect(await home.start(dataDir)).toBe(refusal(dataDir, 'JWT_SECRET_KEY'))
    const rows = await home.db.all<{ value: string }>('SELECT value FROM setting')
    expect(JSON.stringify(rows)).not.toContain(secret)
  })

  test('are those of one of two first starts, and the other is refused', async () => {
    await using home = await openHome('two')
    await using again = await openHome('two')
    const outcomes = await Promise.all([home.start(folder()), again.start(folder())])
    expect(outcomes.filter((outcome) => outcome === 'started')).toHaveLength(1)
    expect(outcomes.find((outcome) => outcome !== 'started')).toContain('log-signing-key')
  })

  test('of a home that has moved here are needed, and not made anew', async () => {
    await using home = await openHome('moved')
    await home.db.run("INSERT INTO log_head (id, size, checkpoint) VALUES (1, 0, 'x')")
    const empty = folder()
    expect(await home.start(empty)).toBe(refusal(empty, 'log-signing-key'))
    const own = folder()
    writeFileSync(join(own, 'log-signing-key'), newSigningKey(), { mode: 0o600 })
    expect(await home.start(own)).toBe('started')
  })
})
