import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { lockFolder } from '../../src/storage/folder-lock.ts'
import { temporaryFolder } from '../support/binary.ts'

test('a folder is held by one, and free again when it is let go', () => {
  const folder = temporaryFolder()
  const unlock = lockFolder(folder, 'service')
  expect(() => lockFolder(folder, 'service')).toThrow('another service already serves from there')
  unlock()
  lockFolder(folder, 'service')()
  expect(() => lockFolder(join(folder, 'absent\0'), 'service')).toThrow('Cannot lock the folder')
  rmSync(folder, { recursive: true })
})
