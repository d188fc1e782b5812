import { expect, test } from 'bun:test'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { boltOf } from '../../../src/cli/controller/bolt.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { until } from '../../support/until.ts'

const quiet = {
  open: undefined,
  close: undefined,
  sense: undefined,
  print: () => {},
  say: () => {},
}

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('a command that hangs is ended with all that it has started', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'pids')
  const sense = `sleep 100 > /dev/null 2>&1 & echo $$ $! > ${path}; wait`
  expect(await boltOf({ ...quiet, sense }).sense()).toBe(false)
  const pids = readFileSync(path, 'utf8').trim().split(' ').map(Number)
  expect(pids).toHaveLength(2)
  await until(() => !pids.some(isRunning))
  rmSync(folder, { recursive: true })
})

test('a command that closes and hangs does not make the door open late', async () => {
  const folder = temporaryFolder()
  const [opened, closing, go] = ['opened', 'closing', 'go'].map((name) => join(folder, name))
  const close = `touch ${closing}; until test -e ${go}; do sleep 0.01; done`
  const bolt = boltOf({ ...quiet, open: `touch ${opened}`, close })
  let isWanted = true
  const closed = bolt.close()
  await until(() => existsSync(closing ?? ''))
  const opening = bolt.open(() => isWanted)
  isWanted = false
  await Bun.write(go ?? '', '')
  expect(await opening).toBe('interrupted')
  await closed
  expect(existsSync(opened ?? '')).toBe(false)
  expect(await bolt.open(() => true)).toBe('released')
  expect(existsSync(opened ?? '')).toBe(true)
  rmSync(folder, { recursive: true })
})
