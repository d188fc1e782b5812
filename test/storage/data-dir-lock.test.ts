import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type LockMode, lockDataDir } from '../../src/storage/data-dir-lock.ts'
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
