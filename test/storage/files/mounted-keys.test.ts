import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  chownSync,
  cpSync,
  lchownSync,
  linkSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import {
  mountedFault,
  readKeyFile,
  readPrivateFile,
  secretFile,
} from '../../../src/storage/files/private-files.ts'
import { BINARY, temporaryFolder } from '../../support/binary.ts'

const KEY = 'k'.repeat(64)
const NOBODY = 65_534
const isRoot = process.getuid?.() === 0

let root = ''
let mounted = ''
let key = ''

beforeEach(() => {
  root = temporaryFolder()
  chmodSync(root, 0o755)
  mounted = join(root, 'mounted/..2026_11_30')
  mkdirSync(mounted, { recursive: true })
  mkdirSync(join(root, 'data'), { mode: 0o700 })
  writeFileSync(join(mounted, 'key'), KEY, { mode: 0o440 })
  // As Kubernetes does it: a link to a link to a folder.
  symlinkSync('..2026_11_30', join(root, 'mounted/..data'))
  key = join(root, 'data/metrics-token')
  symlinkSync('../mounted/..data/key', key)
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const secret = (): string => {
  try {
    return secretFile(key)
  } catch (error) {
    return (error as Error).message
  }
}

describe('a key behind a link', () => {
  test('[D4] is used, and its rights stay as they are', () => {
    expect([secret(), readKeyFile(key)]).toStrictEqual([KEY, KEY])
    expect(statSync(key).mode & 0o777).toBe(0o440)
  })

  test('[D4] is refused if others can write to it or replace it, or it is no file', () => {
    chmodSync(join(mounted, 'key'), 0o460)
    expect(secret()).toBe(`Cannot use the secret in ${key}: others can write to it`)
    chmodSync(join(mounted, 'key'), 0o440)
    chmodSync(mounted, 0o777)
    expect(secret()).toContain('others can replace it: they can write to its folder')
    chmodSync(mounted, 0o1777)
    expect(secret()).toBe(KEY)
    rmSync(join(mounted, 'key'))
    expect(secret()).toContain('there is no such file')
    mkdirSync(join(mounted, 'key'))
    expect(secret()).toContain('it is not a regular file')
  })

  test('[D4] is only for keys: anything else must be a file of its own', () => {
    expect(() => readPrivateFile(key)).toThrow('it is not a regular file')
  })
})

describe.if(isRoot)('a key of root (these need root)', () => {
  const asNobody = () => {
    cpSync(BINARY, join(root, 'server'))
    chownSync(join(root, 'data'), NOBODY, NOBODY)
    const run = Bun.spawnSync(
      ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', './server', 'metrics-token'],
      { cwd: root, env: { DATA_DIR: './data' }, stdout: 'pipe', stderr: 'pipe' },
    )
    return `${run.stdout.toString()}${run.stderr.toString()}`
  }

  test('[D4] is used by a service that can read it, behind a link or not', () => {
    chownSync(join(mounted, 'key'), 0, NOBODY)
    expect(asNobody()).toBe(`${KEY}\n`)
    rmSync(key)
    writeFileSync(key, KEY, { mode: 0o440 })
    expect(asNobody()).toContain('this user has no access to it')
    chownSync(key, 0, NOBODY)
    expect(asNobody()).toBe(`${KEY}\n`)
    chmodSync(key, 0o460)
    expect(asNobody()).toContain('others can write to it')
  })

  test('[D4] is refused if it, its link or its folder belongs to somebody else, or it has a second name', () => {
    linkSync(join(mounted, 'key'), join(root, 'hard'))
    expect(mountedFault(key, NOBODY)).toBe('it has another name elsewhere (a hard link)')
    rmSync(join(root, 'hard'))
    expect(mountedFault(key, NOBODY)).toBeUndefined()
    lchownSync(key, 1, 1)
    expect(secret()).toMatch(/: it belongs to user \S+$/)
    lchownSync(key, 0, 0)
    expect(secret()).toBe(KEY)
    chownSync(mounted, 1, 1)
    expect(mountedFault(key)).toMatch(/^its folder belongs to user /)
    chownSync(join(mounted, 'key'), 1, 1)
    expect(secret()).toMatch(/: it belongs to user \S+$/)
  })
})
