import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isWalDamaged } from '../../../src/storage/sqlite/wal.ts'
import { temporaryFolder } from '../../support/binary.ts'

const ANY_SIZE = Number.MAX_SAFE_INTEGER
const COMMITS = 50
const FRAME_BYTES = 24 + 4096

/** A WAL of that many commits, and where each of them ends. */
const madeWal = (folder: string, commits = COMMITS) => {
  const path = join(folder, 'a.db')
  const db = new Database(path)
  db.run('PRAGMA journal_mode = wal')
  db.run('PRAGMA wal_autocheckpoint = 0')
  db.run('CREATE TABLE t (bytes BLOB)')
  const ends: number[] = []
  for (let commit = 0; commit < commits; commit += 1) {
    db.run('INSERT INTO t VALUES (randomblob(3000))')
    ends.push(statSync(`${path}-wal`).size)
  }
  return { db, wal: `${path}-wal`, ends }
}

test('[D1] damage in a WAL is distinguished from the end that a power cut leaves', () => {
  const folder = temporaryFolder()
  const { db, wal, ends } = madeWal(folder)
  const whole = readFileSync(wal)
  const copy = join(folder, 'copy')
  const isDamaged = (change: (bytes: Buffer) => Uint8Array) => {
    writeFileSync(copy, change(Buffer.from(whole)))
    return isWalDamaged(copy, ANY_SIZE)
  }
  const spoiled = (at: number) => isDamaged((bytes) => bytes.fill(0xa5, at, at + 8))
  expect(isDamaged((bytes) => bytes)).toBe(false)
  // The magic number, the checksum of the header, and offsets in each commit.
  for (const at of [0, 24]) expect(spoiled(at)).toBe(true)
  for (const [commit, end] of ends.entries())
    expect(`${commit} ${spoiled(end - 100)}`).toBe(`${commit} ${commit < COMMITS - 2}`)
  for (const end of ends) expect(isDamaged((bytes) => bytes.subarray(0, end - 100))).toBe(false)
  expect(isDamaged(() => new Uint8Array())).toBe(false)
  expect(isDamaged((bytes) => bytes.fill(0))).toBe(false)
  db.close()
  rmSync(folder, { recursive: true })
})

test('[D1] damage is found anywhere in a WAL that is read in several parts', () => {
  const folder = temporaryFolder()
  const { db, wal } = madeWal(folder, 700)
  const whole = readFileSync(wal)
  expect(whole.length).toBeGreaterThan(2 * 256 * FRAME_BYTES)
  expect(isWalDamaged(wal, ANY_SIZE)).toBe(false)
  const copy = join(folder, 'copy')
  for (const frame of [0, 1, 254, 255, 256, 257, 511, 512, 513]) {
    const at = 32 + frame * FRAME_BYTES
    // Its checksum, and its page.
    for (const offset of [16, 2000]) {
      writeFileSync(copy, Buffer.from(whole).fill(0xa5, at + offset, at + offset + 8))
      expect(isWalDamaged(copy, ANY_SIZE)).toBe(true)
    }
    // A power cut leaves the commits before that frame, or a part of it.
    for (const bytes of [0, 100]) {
      writeFileSync(copy, whole.subarray(0, at + bytes))
      expect(isWalDamaged(copy, ANY_SIZE)).toBe(false)
    }
  }
  db.close()
  rmSync(folder, { recursive: true })
})

test('[D1] what is left behind the end of a WAL that was reset is not damage', () => {
  const folder = temporaryFolder()
  const { db, wal } = madeWal(folder)
  db.run('PRAGMA wal_checkpoint(RESTART)')
  for (let commit = 0; commit < 5; commit += 1) {
    db.run('INSERT INTO t VALUES (randomblob(3000))')
    expect(isWalDamaged(wal, ANY_SIZE)).toBe(false)
  }
  expect(isWalDamaged(join(folder, 'none'), ANY_SIZE)).toBe(false)
  expect(isWalDamaged(wal, 1000)).toBe(false)
  db.close()
  rmSync(folder, { recursive: true })
})
