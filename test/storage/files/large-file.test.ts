import { describe, expect, spyOn, test } from 'bun:test'
import {
  existsSync,
  linkSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { removeLargeFile } from '../../../src/storage/files/large-file.ts'
import { temporaryFolder } from '../../support/binary.ts'

const BYTES = 40 * 1024 ** 2

describe('a large file', () => {
  const folder = temporaryFolder()
  const large = (name: string): string => {
    const path = join(folder, name)
    writeFileSync(path, '')
    truncateSync(path, BYTES)
    return path
  }

  test('is removed, as is a small or an empty one, and one that is not there', () => {
    writeFileSync(join(folder, 'small'), 'x')
    writeFileSync(join(folder, 'empty'), '')
    large('large')
    using resting = spyOn(Bun, 'sleepSync')
    for (const name of ['large', 'small', 'empty', 'missing']) removeLargeFile(join(folder, name))
    expect(readdirSync(folder)).toBeEmpty()
    // The large one in three steps.
    expect(resting).toHaveBeenCalledTimes(2)
  })

  test('stays whole under another name, or behind a link', () => {
    const kept = large('kept')
    linkSync(kept, join(folder, 'draft'))
    removeLargeFile(join(folder, 'draft'))
    symlinkSync(kept, join(folder, 'link'))
    removeLargeFile(join(folder, 'link'))
    expect(readdirSync(folder)).toStrictEqual(['kept'])
    expect(statSync(kept).size).toBe(BYTES)
    removeLargeFile(kept)
    expect(existsSync(kept)).toBe(false)
  })
})
