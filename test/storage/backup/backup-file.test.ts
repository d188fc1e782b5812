import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { packTar, unpackTar } from 'modern-tar'
import { describeFile, packBackup, unpackBackup } from '../../../src/storage/backup/backup-file.ts'
import type { Manifest } from '../../../src/storage/backup/manifest.ts'
import { MIGRATIONS } from '../../../src/storage/migrations.ts'
import { temporaryFolder } from '../../support/binary.ts'

const PASSPHRASE = 'four brown doors'
const NAMES = ['secure-lock.db', 'log-signing-key'] as const
const silent = () => {}

let folder = ''
const at = (name: string): string => join(folder, name)
let plain: Buffer
let sealed: Buffer

const manifestOf = (): Manifest => ({
  format: 'secure-lock-backup',
  format_version: 1,
  server_version: '0.1.0',
  schema_version: MIGRATIONS.length,
  made_at: '2026-11-25T17:40:02.000Z',
  log: { size: 0, key: 'key', checkpoint: 'checkpoint' },
  secrets_elsewhere: [],
  files: NAMES.map((name) => describeFile(name, at(name))),
})

const pack = async (file: string, passphrase?: string): Promise<Buffer> => {
  await packBackup({
    manifest: manifestOf(),
    pathOf: at,
    to: at(file),
    passphrase,
    progress: silent,
  })
  return readFileSync(at(file))
}

beforeAll(async () => {
  folder = temporaryFolder()
  writeFileSync(at('secure-lock.db'), crypto.getRandomValues(Buffer.alloc(20_000)))
  writeFileSync(at('log-signing-key'), 'a key\n')
  plain = await pack('plain.tar')
  sealed = await pack('sealed.tar.age', PASSPHRASE)
})

afterAll(() => rmSync(folder, { recursive: true }))

let unpackings = 0

/** Unpacks bytes into a new folder; returns why they were refused, or the files. */
const unpack = async (bytes: Uint8Array, passphrase = PASSPHRASE, mustBeEncrypted = false) => {
  const [file, into] = [at('given'), at(`out-${(unpackings += 1)}`)]
  writeFileSync(file, bytes)
  mkdirSync(into)
  try {
    await unpackBackup({
      from: file,
      mustBeEncrypted,
      passphrase: async (attempt) => (attempt === 0 ? passphrase : undefined),
      accept: silent,
      pathOf: (name) => join(into, name),
      progress: silent,
    })
    return Object.fromEntries(
      [...new Bun.Glob('**/*').scanSync({ cwd: into, dot: true })].map((name) => [
        name,
        readFileSync(join(into, name)).toString('hex'),
      ]),
    )
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    rmSync(into, { recursive: true })
  }
}

const originals = () =>
  Object.fromEntries(NAMES.map((name) => [name, readFileSync(at(name)).toString('hex')]))

describe('a backup file', () => {
  test('[D3] restores what was packed, with a passphrase and without, mode 0600', async () => {
    expect(await unpack(plain)).toStrictEqual(originals())
    expect(await unpack(sealed)).toStrictEqual(originals())
    expect(statSync(at('plain.tar')).mode & 0o777).toBe(0o600)
    expect(sealed.includes('a key')).toBe(false)
  })

  test('is a tar that any tar can read, the manifest first', async () => {
    const entries = await unpackTar(plain)
    expect(entries.map(({ header }) => header.name)).toStrictEqual(['manifest.json', ...NAMES])
    const run = Bun.spawnSync(['tar', 'xOf', at('plain.tar'), 'log-signing-key'])
    expect(run.stdout.toString()).toBe('a key\n')
  })

  test.if(Bun.which('age') !== null && Bun.which('script') !== null)(
    'that is encrypted is one that age opens',
    async () => {
      // age reads a passphrase from a terminal only.
      const age = Bun.spawn(
        ['script', '-qec', `age -d -o ${at('opened.tar')} ${at('sealed.tar.age')}`, '/dev/null'],
        { stdin: Buffer.from(`${PASSPHRASE}\n`), stdout: 'ignore' },
      )
      expect(await age.exited).toBe(0)
      expect(readFileSync(at('opened.tar')).equals(plain)).toBe(true)
    },
  )

  test('[D3] that is altered or cut short anywhere is refused, or still contains the same files', async () => {
    const bytes = fc.nat(plain.length - 1)
    await fc.assert(
      fc.asyncProperty(bytes, fc.integer({ min: 1, max: 255 }), async (place, change) => {
        const altered = Buffer.from(plain)
        altered[place] = (altered[place] ?? 0) ^ change
        const found = await unpack(altered)
        if (typeof found !== 'string') expect(found).toStrictEqual(originals())
      }),
      { numRuns: 300 },
    )
    await fc.assert(
      fc.asyncProperty(bytes, async (length) => {
        const found = await unpack(plain.subarray(0, length))
        if (typeof found !== 'string') expect(found).toStrictEqual(originals())
      }),
      { numRuns: 100 },
    )
  })

  test('[D3] that is encrypted and altered, cut short or has another passphrase is refused', async () => {
    const altered = Buffer.from(sealed)
    altered[sealed.length - 30] = (altered[sealed.length - 30] ?? 0) ^ 1
    expect(await unpack(altered)).toContain('Cannot use the backup')
    expect(await unpack(sealed.subarray(0, -1000))).toContain('Cannot use the backup')
    expect(await unpack(sealed, 'four green doors')).toContain(
      'no passphrase that opens it was given',
    )
  })

  test('that is not encrypted is refused if a passphrase is set, since anyone could have created it', async () => {
    expect(await unpack(plain, PASSPHRASE, true)).toContain('it is not encrypted, though')
    expect(await unpack(sealed, PASSPHRASE, true)).toStrictEqual(originals())
  })

  test('that needs a gigabyte to decrypt, or has an endless header, is refused unread', async () => {
    const [line = '', , body = '', mac = ''] = sealed.toString('latin1').split('\n')
    const asking = (recipient: string) =>
      unpack(Buffer.from([line, recipient, body, mac, 'x'.repeat(300)].join('\n'), 'latin1'))
    expect(await asking(`-> scrypt ${'A'.repeat(22)} 20`)).toContain('it needs more memory')
    const long = `-> scrypt ${'A'.repeat(1_000_000)} 17`
    expect(await asking(long)).toContain('encrypted, but not with a passphrase')
    expect(await asking(`-> X25519 ${'A'.repeat(43)}`)).toContain(
      'encrypted, but not with a passphrase',
    )
  })

  const repacked = async (changes: Partial<Record<keyof Manifest, unknown>>) => {
    const [, ...files] = await unpackTar(plain)
    const body = JSON.stringify({ ...manifestOf(), ...changes })
    const header = { name: 'manifest.json', size: Buffer.byteLength(body), type: 'file' as const }
    return packTar([{ header, body }, ...files])
  }

  test('[D3] of a newer format or schema is refused, and says which version to use', async () => {
    const newer = { server_version: '7.1.0' }
    expect(await unpack(await repacked({ ...newer, format_version: 2 }))).toContain(
      'its format is newer: use version 7.1.0',
    )
    expect(await unpack(await repacked({ ...newer, schema_version: 99 }))).toContain(
      `its schema version 99 is newer than ${MIGRATIONS.length}: use version 7.1.0 of the server`,
    )
  })

  test('contains no unexpected file names, so that nothing is written elsewhere', async () => {
    const [database, key] = manifestOf().files
    for (const name of ['../outside', '/etc/passwd', 'jwt-secret-key/x', '.restoring'])
      expect(await unpack(await repacked({ files: [database, key, { ...key, name }] }))).toContain(
        `it contains ${JSON.stringify(name)}, which no backup has`,
      )
    expect(await unpack(await repacked({ files: [database, key, key] }))).toContain('twice')
    expect(
      await unpack(await repacked({ files: [database, key, { ...key, name: 'pg_dump.sql' }] })),
    ).toContain('it contains both secure-lock.db and pg_dump.sql')
    expect(await unpack(await repacked({ files: [database] }))).toContain('has no log-signing-key')
    expect(
      await unpack(await repacked({ files: [database, key, { ...key, name: 'guess-key' }] })),
    ).toContain('cut short')
    expect(await unpack(await packTar([{ header: { name: 'x', size: 1 }, body: 'x' }]))).toContain(
      'it is not a backup of this server',
    )
    expect(await unpack(Buffer.from('no tar at all '.repeat(100)))).toContain(
      'it is not a backup of',
    )
    expect(await unpack(Buffer.from('no tar at all'))).toContain('it is not a backup of')
    expect(await unpack(Buffer.alloc(0))).toContain('Cannot use the backup')
    expect(await unpack(Buffer.alloc(1024))).toContain('it is empty')
  })
})
