import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { insertGrant, insertLock } from '../../support/access.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { bearer, clientOf } from '../../support/app.ts'
import { type Service, UNLIMITED, startService } from '../../support/binary.ts'
import { homeDatabase } from '../../support/home-database.ts'
import { addTarget } from '../../support/outbox.ts'

const METHODS = ['fingerprint', 'pin', 'face', 'card'] as const
const PEOPLE = ['ada', 'bob', 'cid', 'dora', 'eve'] as const
/** Enough that the summary of the log is written twice. */
const UNLOCKS = 512
const WRITTEN_KIB_MAX = 28

/** The header of a WAL, and a page in it with a header of its own, both of which have the same salt
 * (sqlite.org/fileformat.html, "The Write-Ahead Log"). */
const HEADER_BYTES = 32
const FRAME_BYTES = 24 + 4096
const SALT = { inHeader: 16, inFrame: 8, bytes: 8 } as const

/** Returns a function that returns how many pages were written to the WAL since the last call. Call it before
 * the WAL, once it begins again at its start, overwrites what was not counted. */
const writtenPages = (path: string) => {
  let known = { salt: '', frames: 0 }
  return (): number => {
    const file = openSync(path, 'r')
    const saltAt = (at: number): string => {
      const salt = Buffer.alloc(SALT.bytes)
      return readSync(file, salt, 0, SALT.bytes, at) === SALT.bytes ? salt.toString('hex') : ''
    }
    const salt = saltAt(SALT.inHeader)
    const before = salt === known.salt ? known.frames : 0
    let frames = before
    while (saltAt(HEADER_BYTES + frames * FRAME_BYTES + SALT.inFrame) === salt) frames += 1
    closeSync(file)
    known = { salt, frames }
    return frames - before
  }
}

/** How many records come before, and how many are measured, where the summary makes no difference. */
const FEWER = 128

describe('at the compiled file', () => {
  const started = new AsyncDisposableStack()
  let service: Service
  const tokens: string[] = []
  beforeAll(async () => {
    service = started.use(await startService({ env: { ...UNLIMITED, LOG_LEVEL: 'error' } }))
    for (const name of PEOPLE) await addAccount(name, { folder: service.folder })
    for (const name of PEOPLE) tokens.push(await tokenFor(service.url, name))
  })
  afterAll(() => started.disposeAsync())

  const send = async (n: number, path: string, body: object): Promise<unknown> => {
    const token = bearer(tokens[n % tokens.length] ?? '')
    const answer = await clientOf(service.url).post(path, body, token)
    expect(answer.status).toBe(200)
    return answer.json()
  }
  const unlock = (n: number) =>
    send(n, '/logUnlocking', { 'unlocking-method': METHODS[n % METHODS.length] })

  /** Returns the mean KiB that each record writes, after as many before. */
  const writtenKib = async (
    what: string,
    times: number,
    record: (n: number) => Promise<unknown>,
  ): Promise<number> => {
    const written = writtenPages(join(service.folder, 'data/secure-lock.db-wal'))
    for (let n = 0; n < times; n += 1) await record(n)
    written()
    let pages = 0
    for (let n = 0; n < times; n += 1) {
      await record(n)
      pages += written()
    }
    const kib = (pages * FRAME_BYTES) / times / 1024
    process.stderr.write(
      `written per lone ${what}: ${kib.toFixed(1)} KiB, ${(pages / times).toFixed(2)} pages\n`,
    )
    expect(kib).toBeGreaterThan(12)
    return kib
  }

  test(`a lone unlock writes at most ${WRITTEN_KIB_MAX} KiB`, async () => {
    expect(await writtenKib('unlock', UNLOCKS, unlock)).toBeLessThanOrEqual(WRITTEN_KIB_MAX)
  })

  // Beside what an unlock writes: a row by which a repeat is known, found by its id, its time and its account, and the
  // grant of the leaf.
  test('a lone attempt writes at most 56 KiB', async () => {
    const db = await homeDatabase(service.folder)
    await db.run("DELETE FROM lock WHERE label = 'front-door'")
    await insertGrant(db, { holder: 'role:member', locks: [await insertLock(db, 'front-door')] })
    await db.close()
    const attempt = async (n: number) => {
      const decided = await send(n, '/v1/locks/front-door/unlock', { id: crypto.randomUUID() })
      expect(decided).toMatchObject({ decision: 'permitted' })
    }
    expect(await writtenKib('attempt', FEWER, attempt)).toBeLessThanOrEqual(56)
  })

  // Beside what an unlock writes: a row of the outbox, its two indexes and its number.
  test('a lone unlock that a target hears of writes at most 44 KiB', async () => {
    const db = await homeDatabase(service.folder)
    await addTarget(db, 'home', [{ on: 'unlocked' }])
    await db.close()
    expect(await writtenKib('unlock with a target', FEWER, unlock)).toBeLessThanOrEqual(44)
  })
})
