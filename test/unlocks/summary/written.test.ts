import { expect, test } from 'bun:test'
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { bearer, clientOf } from '../../support/app.ts'
import { UNLIMITED, startService } from '../../support/binary.ts'

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

test(`a lone unlock writes at most ${WRITTEN_KIB_MAX} KiB, at the compiled file`, async () => {
  await using service = await startService({ env: { ...UNLIMITED, LOG_LEVEL: 'error' } })
  for (const name of PEOPLE) await addAccount(name, { folder: service.folder })
  const tokens: string[] = []
  for (const name of PEOPLE) tokens.push(await tokenFor(service.url, name))
  const { post } = clientOf(service.url)
  const unlock = async (n: number): Promise<void> => {
    const method = METHODS[n % METHODS.length]
    const token = bearer(tokens[n % tokens.length] ?? '')
    expect((await post('/logUnlocking', { 'unlocking-method': method }, token)).status).toBe(200)
  }
  const written = writtenPages(join(service.folder, 'data/secure-lock.db-wal'))
  for (let n = 0; n < UNLOCKS; n += 1) await unlock(n)
  written()
  let pages = 0
  for (let n = 0; n < UNLOCKS; n += 1) {
    await unlock(n)
    pages += written()
  }
  const kib = (pages * FRAME_BYTES) / UNLOCKS / 1024
  process.stderr.write(
    `written per lone unlock: ${kib.toFixed(1)} KiB, ${(pages / UNLOCKS).toFixed(2)} pages\n`,
  )
  expect(kib).toBeLessThanOrEqual(WRITTEN_KIB_MAX)
  expect(kib).toBeGreaterThan(12)
})
