import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '../../support/binary.ts'

const LOADED = join(import.meta.dir, '../../support/loaded-modules.ts')

test('nothing of it is loaded if the data is in a file', async () => {
  const folder = temporaryFolder()
  const run = Bun.spawn([process.execPath, LOADED], {
    env: { DATA_DIR: join(folder, 'data') },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const paths = (await new Response(run.stdout).text()).split('\n')
  rmSync(folder, { recursive: true, force: true })
  expect(paths.some((path) => path.endsWith('/src/storage/open.ts'))).toBe(true)
  expect(paths.filter((path) => path.includes('/src/storage/postgres/'))).toStrictEqual([])
})
