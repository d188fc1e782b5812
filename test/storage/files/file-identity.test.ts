import { Database as Sqlite } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openDatabase } from '../../../src/storage/open.ts'
import { temporaryFolder } from '../../support/binary.ts'

const KILLED = 10
const CHECKPOINTS = 300

const opened = async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'a.db')
  const db = openDatabase(path)
  await db.run('CREATE TABLE t (bytes BLOB)')
  return {
    db,
    path,
    write: () => db.run('INSERT INTO t VALUES (randomblob(3000))'),
    [Symbol.asyncDispose]: async () => {
      await db.close().catch(() => {})
      rmSync(folder, { recursive: true })
    },
  }
}

/** Another process that writes the WAL back, in every way there is, and says so once it has begun. */
const checkpointing = (path: string, times: number) => {
  const script = `
    const { Database } = await import('bun:sqlite')
    const db = new Database(${JSON.stringify(path)})
    db.run('PRAGMA busy_timeout = 5')
    const modes = ['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE']
    console.log('begun')
    for (let n = 0; n < ${times}; n += 1)
      db.query('PRAGMA wal_checkpoint(' + modes[n % 4] + ')').get()`
  return Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' })
}

test('[D1] another process that writes the WAL back is not taken for somebody who copies a file over it', async () => {
  await using file = await opened()
  const running = checkpointing(file.path, CHECKPOINTS)
  let written = 0
  while (running.exitCode === null) written += await file.write()
  expect(running.exitCode).toBe(0)
  // Killed ones may leave what they have begun.
  for (let round = 0; round < KILLED; round += 1) {
    const killed = checkpointing(file.path, Infinity)
    await killed.stdout.getReader().read()
    for (let n = 0; n < 20; n += 1) written += await file.write()
    killed.kill('SIGKILL')
    await killed.exited
    written += await file.write()
  }
  expect(await file.db.all('SELECT count(*) AS n FROM t')).toStrictEqual([{ n: written }])
})

test('[D1] a file that is copied over the database while pages are in the WAL alone stops all writes', async () => {
  await using file = await opened()
  await file.write()
  using reader = new Sqlite(file.path)
  reader.query('PRAGMA wal_checkpoint(TRUNCATE)').get()
  const copy = `${file.path}.kept`
  cpSync(file.path, copy)
  // The first begins the WAL anew.
  for (let n = 0; n < 2; n += 1) await file.write()
  // A file system tells apart what is a tick of its clock apart.
  await Bun.sleep(20)
  cpSync(copy, file.path)
  for (let tries = 0; tries < 3; tries += 1)
    expect(await file.write().catch((error: unknown) => error)).toMatchObject({
      message: expect.stringContaining('Another file was copied over the database'),
    })
})
