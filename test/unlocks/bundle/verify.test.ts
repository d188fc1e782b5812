import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { newSigningKey, parseSigningKey } from '../../../src/unlocks/tlog/signing-key.ts'
import { BINARY, runCommand, temporaryFolder } from '../../support/binary.ts'
import { type RecordedLog, openLog, recordedLog, restamp } from '../../support/unlock-log.ts'

const SIZE = 13
const FILES = [
  'README.txt',
  'SHA256SUMS',
  'checkpoint',
  'entries.ndjson',
  'key',
  'proofs.ndjson',
  'verify.html',
]

let log: RecordedLog
let bundle: string
let key: string

beforeAll(async () => {
  log = await recordedLog({
    size: SIZE,
    keptAt: [5, SIZE],
    before: async (app) => {
      await app.unlocks.unlockLog.eraseAccount('account-of-hedy')
    },
  })
  bundle = join(log.folder, 'bundle')
  const exported = await log.run('log', 'export', '--out', bundle)
  expect(exported.status).toBe(0)
  expect(exported.words).toBe('')
  key = readFileSync(join(bundle, 'key'), 'utf8').trim()
})

afterAll(() => log.remove())

/** Verifies a bundle without a data folder, and checks that none is created. */
const verify = async (folder: string, ...args: string[]) => {
  const elsewhere = temporaryFolder()
  const env = { DATA_DIR: join(elsewhere, 'data') }
  const result = await runCommand(['log', 'verify', '--bundle', folder, ...args], { env })
  expect(readdirSync(elsewhere)).toStrictEqual([])
  rmSync(elsewhere, { recursive: true })
  return result
}

const named = (words: string): number | undefined => {
  const seq = /^First wrong event: (\d+)$/m.exec(words)?.[1]
  return seq === undefined ? undefined : Number(seq)
}

/** A copy of the bundle, removed with it. */
const copied = () => {
  const folder = temporaryFolder()
  cpSync(bundle, folder, { recursive: true })
  return {
    folder,
    edit: (name: string, change: (text: string) => string) => {
      const path = join(folder, name)
      writeFileSync(path, change(readFileSync(path, 'utf8')))
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

const line = (text: string, at: number, change: (line: string) => string | undefined): string =>
  text
    .split('\n')
    .flatMap((one, place) => (place === at ? (change(one) ?? []) : one))
    .join('\n')

describe('exporting', () => {
  test('writes files that only this user can read, and nothing else', () => {
    expect(readdirSync(bundle).toSorted()).toStrictEqual(FILES)
    expect(statSync(bundle).mode & 0o777).toBe(0o700)
    for (const name of FILES) expect(statSync(join(bundle, name)).mode & 0o777).toBe(0o600)
    expect(readdirSync(log.folder).filter((name) => name.endsWith('.part'))).toStrictEqual([])
  })

  test('writes an entry and a receipt for each event, without the person if erased', () => {
    const lines = (name: string) =>
      readFileSync(join(bundle, name), 'utf8')
        .trimEnd()
        .split('\n')
        .map((one) => JSON.parse(one) as { person: { username: string } | null; seq: number })
    const people = ['ada', 'grace', undefined]
    expect(lines('entries.ndjson').map(({ person }) => person?.username)).toStrictEqual(
      Array.from({ length: SIZE }, (_, seq) => people[seq % 3]),
    )
    expect(lines('proofs.ndjson').map(({ seq }) => seq)).toStrictEqual([...Array(SIZE).keys()])
  })

  test('accepts an empty folder, and refuses any other', async () => {
    const folder = temporaryFolder()
    expect((await log.run('log', 'export', '--out', folder)).status).toBe(0)
    const before = readdirSync(folder)
    const again = await log.run('log', 'export', '--out', folder)
    expect(again.status).toBe(1)
    expect(again.words).toContain('it is not empty; name a new folder')
    expect(readdirSync(folder)).toStrictEqual(before)
    rmSync(folder, { recursive: true })
  })

  test('writes as many receipts as requested', async () => {
    for (const [count, lines] of [
      ['0', 0],
      ['4', 4],
      ['99', SIZE],
    ] as const) {
      const out = join(log.folder, `bundle-${count}`)
      await log.run('log', 'export', '--out', out, '--proofs', count)
      expect(readFileSync(join(out, 'proofs.ndjson'), 'utf8').split('\n')).toHaveLength(lines + 1)
      expect(await verify(out)).toMatchObject({ status: 0, words: '' })
    }
    expect((await log.run('log', 'export', '--out', 'x', '--proofs', 'all')).status).toBe(2)
    expect((await log.run('log', 'export')).status).toBe(2)
  })

  test('[O3] an export leaves an audit event', async () => {
    expect(JSON.parse((await log.run('audit', '--json', '--limit', '1')).out)).toMatchObject({
      action: 'log.export',
      result: 'success',
      actor: { id: `uid:${process.getuid?.()}` },
      address: 'command line',
      detail: { intact: true },
    })
  })

  test('an empty log has a bundle too', async () => {
    const empty = await recordedLog({ size: 0 })
    const out = join(empty.folder, 'bundle')
    expect((await empty.run('log', 'export', '--out', out)).status).toBe(0)
    expect((await verify(out)).out).toStartWith('The bundle is intact: 0 events\n')
    empty.remove()
  })

  test('an export killed half-way leaves nothing under the final name', async () => {
    const out = join(log.folder, 'killed')
    const env = { DATA_DIR: log.dataDir }
    for (let waitMs = 4; waitMs < 80; waitMs += 8) {
      const run = Bun.spawn([BINARY, 'log', 'export', '--out', out], { env, stdout: 'ignore' })
      await Bun.sleep(waitMs)
      run.kill('SIGKILL')
      await run.exited
      if (!existsSync(out)) continue
      expect(await verify(out)).toMatchObject({ status: 0, words: '' })
      rmSync(out, { recursive: true })
    }
  })

  test('a broken log is exported as it is, and reported as broken', async () => {
    using copy = log.copy()
    copy.edit((db) => db.run("UPDATE unlock_event SET lock = 'back-door' WHERE seq = 6"))
    const out = join(copy.dataDir, '../bundle')
    const exported = await copy.run('log', 'export', '--out', out)
    expect(exported).toMatchObject({ status: 1, out: '' })
    expect(exported.words).toContain('but it is broken. Event 6: ')
    const { status, words } = await verify(out)
    expect({ status, seq: named(words) }).toStrictEqual({ status: 1, seq: 6 })
  })
})

describe('verifying a bundle', () => {
  test('needs no server and no database, and says where the key comes from', async () => {
    const { status, out, words } = await verify(bundle)
    expect({ status, words }).toStrictEqual({ status: 0, words: '' })
    expect(out).toStartWith(`The bundle is intact: ${SIZE} events\n`)
    expect(out).toContain(`The key was taken from the bundle itself: ${key}\n`)
  })

  test('accepts only the expected key', async () => {
    const { status, out } = await verify(bundle, '--key', key)
    expect({ status, out }).toStrictEqual({
      status: 0,
      out: `The bundle is intact: ${SIZE} events, signed by ${key}\n`,
    })
    const { out: other } = await newLogKey()
    const wrong = await verify(bundle, '--key', other.trim())
    expect(wrong.status).toBe(1)
    expect(wrong.words).toContain('The bundle belongs to another log: its key is')
    expect((await verify(bundle, '--key', 'x')).status).toBe(2)
  })

  test('compares with kept checkpoints and receipts', async () => {
    const receipt = join(log.folder, 'receipt')
    const [first = ''] = readFileSync(join(bundle, 'proofs.ndjson'), 'utf8').split('\n')
    writeFileSync(receipt, (JSON.parse(first) as { receipt: string }).receipt)
    for (const path of [log.kept(5), log.kept(SIZE), receipt]) {
      const { status, out } = await verify(bundle, '--checkpoint', path)
      expect({ status, out }).toMatchObject({ status: 0, out: expect.stringContaining(path) })
    }
  })

  test('a log that its owner rewrote is detected only by a kept checkpoint', async () => {
    using copy = log.copy()
    copy.edit((db) => {
      db.run("UPDATE unlock_event SET lock = 'back-door' WHERE seq = 6")
      restamp(db, copy.signer())
    })
    const out = join(copy.dataDir, '../bundle')
    await copy.run('log', 'export', '--out', out)
    expect((await verify(out, '--key', key)).status).toBe(0)
    const { status, words } = await verify(out, '--checkpoint', log.kept(SIZE))
    expect({ status, seq: named(words) }).toStrictEqual({ status: 1, seq: 0 })
    expect(words).toContain('do not match the kept checkpoint')
  })

  test('names what cannot be read, and says nothing about the log', async () => {
    using copy = copied()
    const faultOf = async (...args: string[]) => {
      const { status, out, words } = await verify(copy.folder, ...args)
      expect({ status, out }).toStrictEqual({ status: 1, out: '' })
      expect(words).not.toMatch(/broken|\n./)
      return words.trim()
    }
    const kept = join(copy.folder, 'kept')
    expect(await faultOf('--checkpoint', kept)).toEndWith(`${kept}: there is no such file`)
    expect(await faultOf('--checkpoint', copy.folder)).toEndWith('it is a folder, not a file')
    writeFileSync(kept, readFileSync(log.kept(5)).subarray(0, 90))
    expect(await faultOf('--checkpoint', kept)).toStartWith(`${kept} contains no checkpoint: The `)
    for (const name of ['checkpoint', 'entries.ndjson']) {
      rmSync(join(copy.folder, name))
      mkdirSync(join(copy.folder, name))
    }
    expect(await faultOf()).toContain('is not a bundle: it has no entries.ndjson, checkpoint')
    rmSync(copy.folder, { recursive: true })
    writeFileSync(copy.folder, '')
    expect(await faultOf()).toEndWith('a part of the path is a file, not a folder')
  })

  test('says if the folder is not a folder', async () => {
    const { status, words } = await verify(log.folder)
    expect({ status, words }).toMatchObject({
      status: 1,
      words: expect.stringContaining('is not a bundle'),
    })
  })
})

const newLogKey = async () => {
  const other = await recordedLog({ size: 0 })
  const result = await other.run('log', 'key')
  other.remove()
  return result
}

describe('verifying a receipt', () => {
  const receiptFile = async (change: (receipt: string) => string = (text) => text) => {
    const app = await openLog(log.dataDir)
    const { store, unlockLog } = app.unlocks
    const events = await store.page(5, 1)
    const receipt = (await unlockLog.receipts(events, await unlockLog.head())).get(6) ?? ''
    await app[Symbol.asyncDispose]()
    const path = join(log.folder, 'held')
    writeFileSync(path, change(receipt))
    return path
  }
  const verifyHeld = async (path: string, vkey = key) => {
    const { status, out, words } = await runCommand(
      ['log', 'verify', '--receipt', path, '--key', vkey],
      { env: { DATA_DIR: '/nowhere' } },
    )
    return { status, output: out + words }
  }
  const withExtra = (change: (line: string) => string) => (receipt: string) =>
    receipt.replace(/^extra (.*)$/m, (_line, extra: string) => `extra ${btoa(change(atob(extra)))}`)

  test('needs only the key of the log, and shows the event', async () => {
    const { status, output } = await verifyHeld(await receiptFile())
    expect(status).toBe(0)
    expect(output).toMatch(
      /^The receipt is valid\. Event 6: front-door unlocked for ada by fingerprint, received \S+Z\n$/,
    )
    const keyless = await runCommand(['log', 'verify', '--receipt', await receiptFile()])
    expect(keyless).toMatchObject({ status: 2, words: expect.stringContaining('needs --key') })
    expect(await verifyHeld('/nowhere/held')).toStrictEqual({
      status: 1,
      output: 'Cannot read /nowhere/held: there is no such file\n',
    })
  })

  test.each([
    ['another name', withExtra((one) => one.replace('"ada"', '"eve"')), 'name or method'],
    ['another lock', withExtra((one) => one.replace('front', 'back')), 'does not hold this'],
    ['another spelling', withExtra((one) => `${one} `), 'cannot be read'],
    ['no event', (text: string) => text.replace(/^extra .*\n/m, ''), 'contains no event'],
    ['another number', (text: string) => text.replace(/^index 6$/m, 'index 7'), 'does not hold'],
    ['half of it', (text: string) => text.slice(0, text.length / 2), 'receipt'],
  ])('with %s it is not valid', async (_what, change, by) => {
    const { status, output } = await verifyHeld(await receiptFile(change))
    expect(status).toBe(1)
    expect(output).toStartWith('The receipt is not valid. ')
    expect(output).toContain(by)
  })

  test('fails with the key of another log', async () => {
    const { out: other } = await newLogKey()
    const { status, output } = await verifyHeld(await receiptFile(), other.trim())
    expect(status).toBe(1)
    expect(output).toContain('is not signed by')
  })
})

describe('tampering with a bundle', () => {
  const entries = (change: (text: string) => string) => ['entries.ndjson', change] as const
  const proofs = (change: (text: string) => string) => ['proofs.ndjson', change] as const
  test.each([
    [
      'edits a leaf',
      entries((text) => line(text, 6, (one) => one.replace('front', 'back'))),
      6,
      'the event or its receipt is not what was signed',
    ],
    [
      'edits a name',
      entries((text) => line(text, 6, (one) => one.replace('"ada"', '"eve"'))),
      6,
      'its account, name or method was changed',
    ],
    [
      'respells a leaf',
      entries((text) => line(text, 6, (one) => one.replace('front', String.raw`\u0066ront`))),
      6,
      'cannot be read',
    ],
    [
      'removes a person',
      entries((text) =>
        line(text, 6, (one) => one.replace(/"person":\{.*\}\}$/, '"person":null}')),
      ),
      undefined,
      'does not match SHA256SUMS',
    ],
    [
      'removes an event',
      entries((text) => line(text, 6, () => undefined)),
      6,
      'Event 6 is missing',
    ],
    [
      'cuts off events',
      entries((text) => text.split('\n').slice(0, 8).join('\n').concat('\n')),
      8,
      '5 events are missing at the end',
    ],
    ['cuts off half a line', entries((text) => text.slice(0, -20)), 12, 'an unterminated line'],
    [
      'adds an event',
      entries((text) => text + (text.split('\n')[12] ?? '') + '\n'),
      SIZE,
      'no checkpoint covers',
    ],
    [
      'swaps two events',
      entries((text) => {
        const lines = text.split('\n')
        ;[lines[3], lines[4]] = [lines[4] ?? '', lines[3] ?? '']
        return lines.join('\n')
      }),
      3,
      'Event 3 is missing',
    ],
    [
      'removes a receipt',
      proofs((text) => line(text, 6, () => undefined)),
      6,
      'The receipt of event 6 cannot be read',
    ],
    [
      'removes the last receipt',
      proofs((text) => line(text, 12, () => undefined)),
      12,
      'does not end with the newest event',
    ],
    [
      'swaps two receipts',
      proofs((text) => {
        const lines = text.split('\n')
        ;[lines[3], lines[4]] = [lines[4] ?? '', lines[3] ?? '']
        return lines.join('\n')
      }),
      3,
      'The receipt of event 3 cannot be read',
    ],
    [
      'edits a proof',
      proofs((text) => line(text, 6, (one) => one.replace(/index 6\\n./, String.raw`index 6\n+`))),
      6,
      'the event or its receipt is not what was signed',
    ],
  ] as const)('%s: detected', async (_what, [name, change], seq, by) => {
    using copy = copied()
    copy.edit(name, change)
    const { status, out, words } = await verify(copy.folder)
    expect({ status, out, seq: named(words) }).toStrictEqual({ status: 1, out: '', seq })
    expect(words).toContain(by)
  })

  test('signed again with another key: detected by the expected key', async () => {
    using copy = log.copy()
    writeFileSync(join(copy.dataDir, 'log-signing-key'), `${newSigningKey()}\n`)
    copy.edit((db) => restamp(db, copy.signer()))
    const out = join(copy.dataDir, '../bundle')
    await copy.run('log', 'export', '--out', out)
    expect((await verify(out)).status).toBe(0)
    expect((await verify(out, '--key', key)).status).toBe(1)
    const mine = parseSigningKey(readFileSync(join(copy.dataDir, 'log-signing-key'), 'utf8').trim())
    expect(readFileSync(join(out, 'key'), 'utf8')).toContain(mine?.verifierKey.name ?? '?')
  })

  test.each(['checkpoint', 'key'])(
    'a byte order mark before the %s, with a matching hash: detected',
    async (name) => {
      using copy = copied()
      copy.edit(name, (text) => `\uFEFF${text}`)
      const sum = new Bun.CryptoHasher('sha256')
        .update(readFileSync(join(copy.folder, name)))
        .digest('hex')
      copy.edit('SHA256SUMS', (text) => text.replace(new RegExp(`.{64}(?=  ${name}$)`, 'm'), sum))
      const { status, out, words } = await verify(copy.folder)
      expect({ status, out }).toStrictEqual({ status: 1, out: '' })
      expect(words).not.toContain('SHA256SUMS')
    },
  )

  test('a folder among the hashes: detected', async () => {
    using copy = copied()
    copy.edit('SHA256SUMS', (text) => `${text}${'0'.repeat(64)}  ..\n`)
    const { status, words } = await verify(copy.folder)
    expect({ status, words }).toStrictEqual({
      status: 1,
      words: 'The bundle is broken. .. is missing\n',
    })
  })

  test.each(FILES)('a flipped bit anywhere in %s: detected', async (name) => {
    using copy = copied()
    const path = join(copy.folder, name)
    const bytes = readFileSync(path)
    for (let round = 0; round < 12; round += 1) {
      const at = Math.floor((bytes.length - 1) * (round / 11))
      const flipped = Buffer.from(bytes)
      flipped[at] = (bytes[at] ?? 0) ^ (1 << (round % 8))
      writeFileSync(path, flipped)
      const { status, out, words } = await verify(copy.folder)
      expect([at, status, out]).toStrictEqual([at, 1, ''])
      const lineAt = bytes.subarray(0, at).toString('latin1').split('\n').length - 1
      if (name === 'entries.ndjson') expect([at, named(words)]).toStrictEqual([at, lineAt])
    }
  })

  test.each(FILES)('%s removed: detected', async (name) => {
    using copy = copied()
    rmSync(join(copy.folder, name))
    const { status, words } = await verify(copy.folder)
    expect(status).toBe(1)
    expect(words).toContain(name)
  })
})
