import { afterAll, describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { databaseFile } from '../support/database-file.ts'
import { derivedUuid } from '../../src/storage/derived-uuid.ts'
import { PASSWORD, bearer, clientOf } from '../support/app.ts'
import { UNLIMITED, runCommand, startService, temporaryFolder } from '../support/binary.ts'
import { homeDatabase } from '../support/home-database.ts'
import { isOnDisk } from '../support/on-disk.ts'
import {
  folderIn,
  importing,
  olderFile,
  tokenOf,
  unlocksOf,
  user,
} from '../support/older-server.ts'

const root = temporaryFolder()
afterAll(() => rmSync(root, { recursive: true, force: true }))

const newFolder = (): string => folderIn(root)

describe('imported people', () => {
  test('erasing a person removes the name from their old unlocks, and importing again brings nobody back [D7]', async () => {
    const folder = newFolder()
    const path = olderFile(join(folder, 'older/old.db'), {
      users: [user(1, 'Persephone-Quill'), user(2, 'bob')],
      unlocks: unlocksOf(['Persephone-Quill', 'bob', 'Gone-Girl'], 30),
    })
    await importing(folder)
    expect(await isOnDisk(join(folder, 'data'), 'Persephone-Quill')).toBe(true)
    expect(
      await runCommand(['user', 'erase', '--yes', 'Persephone-Quill'], { folder }),
    ).toMatchObject({ status: 0 })
    expect(await isOnDisk(join(folder, 'data'), 'Persephone-Quill')).toBe(false)
    {
      using db = databaseFile(path)
      db.run("INSERT INTO log VALUES (31, 'Persephone-Quill', 'pin', '2022-01-01 00:00:00')")
    }
    expect(await importing(folder)).toMatchObject({
      status: 1,
      reported: [
        'user 1: not imported, this person was imported earlier and has been erased since',
        'log 31: not imported, its person was imported earlier and has been erased since',
      ],
      counts: ['accounts 0 1 1', 'unlocks 0 30 1'],
    })
    expect(await isOnDisk(join(folder, 'data'), 'Persephone-Quill')).toBe(false)

    // A person who was only in the legacy server's log has no account to look up.
    expect(await isOnDisk(join(folder, 'data'), 'Gone-Girl')).toBe(true)
    expect(
      await runCommand(['user', 'erase', '--imported', 'Gone-Girl'], { folder }),
    ).toMatchObject({ status: 2 })
    const erased = await runCommand(['user', 'erase', '--imported', '--yes', 'Gone-Girl'], {
      folder,
    })
    expect(erased).toMatchObject({ status: 0, out: 'Erased Gone-Girl from 10 unlocks\n' })
    expect(await isOnDisk(join(folder, 'data'), 'Gone-Girl')).toBe(false)
    const none = await runCommand(['user', 'erase', '--imported', '--yes', 'bob'], { folder })
    expect(none.out).toBe('Erased bob from 0 unlocks\n')
    expect((await importing(folder)).counts).toStrictEqual(['accounts 0 1 1', 'unlocks 0 30 1'])
    expect(await isOnDisk(join(folder, 'data'), 'Gone-Girl')).toBe(false)
    expect(await runCommand(['log', 'verify'], { folder })).toMatchObject({ status: 0 })
  })

  test('names older than LOG_RETENTION_DAYS are erased when the import ends, and newer ones stay', async () => {
    const folder = newFolder()
    const recent = new Date(Date.now() - 5 * 86_400_000).toISOString()
    olderFile(join(folder, 'older/old.db'), {
      users: [user(1, 'ada')],
      unlocks: [...unlocksOf(['Old-Name'], 3000), [4000, 'New-Name', 'pin', recent]],
    })
    expect(await importing(folder, [], { LOG_RETENTION_DAYS: '30' })).toMatchObject({
      status: 0,
      counts: ['accounts 1 0 0', 'unlocks 3001 0 0'],
    })
    expect([
      await isOnDisk(join(folder, 'data'), 'Old-Name'),
      await isOnDisk(join(folder, 'data'), 'New-Name'),
    ]).toStrictEqual([false, true])
    const { out } = await runCommand(['audit', '--json', '--limit', '1'], { folder })
    expect(JSON.parse(out)).toMatchObject({ action: 'unlocks.retention', detail: { events: 3000 } })
    expect(await runCommand(['log', 'verify'], { folder })).toMatchObject({ status: 0 })
  })

  test('[G10] an app that sends the id of an earlier version does not keep a row from being imported', async () => {
    const folder = newFolder()
    olderFile(join(folder, 'older/old.db'), {
      users: [user(1, 'ada')],
      unlocks: unlocksOf(['ada'], 1),
    })
    const id = derivedUuid('unlock\n1\n2021-03-04 05:06:07.123456')
    await using service = await startService({ folder, env: UNLIMITED })
    const { post } = clientOf(service.url)
    await post('/register', { username: 'eve', password: PASSWORD, phone: '1', address: 'x' })
    const token = await tokenOf(post('/login', { username: 'eve', password: PASSWORD }))
    expect(
      (await post('/v1/unlocks', { id, method: 'pin', source: 'imported' }, bearer(token))).status,
    ).toBe(200)
    expect(await importing(folder)).toMatchObject({
      status: 0,
      counts: ['accounts 1 0 0', 'unlocks 1 0 0'],
    })
    await using own = await homeDatabase(folder)
    // An app cannot claim that an unlock was imported, either.
    expect(await own.all('SELECT source FROM unlock_event ORDER BY seq')).toStrictEqual([
      { source: 'claimed' },
      { source: 'imported' },
    ])
  })
})
