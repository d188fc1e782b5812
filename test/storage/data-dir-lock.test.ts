import { expect, test } from 'bun:test'
import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type LockMode, lockDataDir, lockForBackup } from '../../src/storage/data-dir-lock.ts'
import { temporaryFolder } from '../support/binary.ts'

test('only one service can lock a folder, until it releases it', () => {
  const folder = temporaryFolder()
  const unlock = lockDataDir(folder, 'service')
  expect(() => lockDataDir(folder, 'service')).toThrow('another service already serves from there')
  unlock()
  lockDataDir(folder, 'service')()
  expect(() => lockDataDir(join(folder, 'absent\0'), 'service')).toThrow('Cannot lock the folder')
  rmSync(folder, { recursive: true })
})

test('commands work beside a service, a migration in place of it, a restore alone', () => {
  const folder = temporaryFolder()
  const goBeside = (held: LockMode, other: LockMode): boolean => {
    const unlock = lockDataDir(folder, held)
    try {
      lockDataDir(folder, other)()
      return true
    } catch {
      return false
    } finally {
      unlock()
    }
  }
  const uses = ['service', 'command', 'migration', 'restore', 'backup'] as const
  const beside = Object.fromEntries(
    uses.map((held) => [held, uses.filter((other) => goBeside(held, other))]),
  )
  expect(beside).toStrictEqual({
    service: ['command', 'backup'],
    command: ['service', 'command', 'migration', 'backup'],
    migration: ['command', 'backup'],
    restore: ['backup'],
    backup: ['service', 'command', 'migration', 'restore'],
  })
  rmSync(folder, { recursive: true })
})

test('a backup waits until another one has finished, and is refused if that takes too long', async () => {
  const folder = temporaryFolder()
  const finish = lockDataDir(folder, 'backup')
  const refused = await lockForBackup(folder, () => {}, 0).catch(String)
  expect(refused).toContain('another backup of it is being created or checked')
  let waits = 0
  const release = await lockForBackup(folder, () => {
    waits += 1
    finish()
  })
  expect(waits).toBe(1)
  expect(() => lockDataDir(folder, 'backup')).toThrow('another backup of it')
  release()
  rmSync(folder, { recursive: true })
})

test('only another backup is waited for', async () => {
  const onWait = () => expect.unreachable()
  const folder = join(temporaryFolder(), 'file')
  writeFileSync(folder, '')
  const refused = await lockForBackup(folder, onWait).catch(String)
  expect(refused).toContain('Cannot lock the folder')
  rmSync(dirname(folder), { recursive: true })
})
