import { describe, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { databaseFile } from '../../support/database-file.ts'
import { runCommand, startService, temporaryFolder, UNLIMITED } from '../../support/binary.ts'
import { oldDataFolder } from '../../support/old-schema.ts'
import { olderFile, unlocksOf } from '../../support/older-server.ts'
import { addAccount, tokenFor } from '../../support/accounts.ts'
import { bearer, clientOf } from '../../support/app.ts'
import { expectHomeSummary } from '../../support/summary.ts'
import { IS_POSTGRES } from '../../support/test-server.ts'
import { claimed, openLog, recordedLog } from '../../support/unlock-log.ts'

const BESIDE_MAX = 256

describe('the summary of the log', () => {
  test('equals a plain count after people were erased and names have expired, and reveals nothing about them [D7]', async () => {
    const log = await recordedLog({ size: 0 })
    const app = await openLog(log.dataDir)
    const { unlockLog } = app.unlocks
    for (let seq = 0; seq < 3000; seq += 500)
      await unlockLog.append(Array.from({ length: 500 }, (_, at) => claimed(seq + at)))
    expect(await expectHomeSummary(log.folder)).toBe(3000)
    await unlockLog.eraseAccount('account-of-ada')
    expect(await expectHomeSummary(log.folder)).toBe(3000)
    await unlockLog.append([claimed(3000)])
    await unlockLog.eraseBefore(Number.MAX_SAFE_INTEGER)
    expect(await expectHomeSummary(log.folder)).toBe(3001)
    expect(
      await app.db.all('SELECT DISTINCT account, method, unlocks < 0 AS fewer FROM unlock_tally'),
    ).toStrictEqual([{ account: 0, method: 0, fewer: 0 }])
    expect(await app.db.all('SELECT * FROM unlock_of_method')).toBeEmpty()
    await app[Symbol.asyncDispose]()
    log.remove()
  })

  test('is written by an import beside a running service, and by both together', async () => {
    await using service = await startService({ env: { ...UNLIMITED, LOG_LEVEL: 'error' } })
    const { folder, url } = service
    await addAccount('ada', { folder })
    const token = bearer(await tokenFor(url, 'ada'))
    olderFile(join(folder, 'legacy.db'), { users: [], unlocks: unlocksOf(['iris', 'jo'], 2500) })
    const importing = runCommand(['import', 'legacy.db'], { folder })
    const imported = new AbortController()
    let recorded = 0
    const recording = (async () => {
      while (!imported.signal.aborted || recorded < 600) {
        const events = Array.from({ length: 50 }, (_, n) => ({
          id: crypto.randomUUID(),
          method: `pin ${n % 3}`,
        }))
        expect((await clientOf(url).post('/v1/unlocks', events, token)).status).toBe(200)
        recorded += events.length
      }
    })()
    expect((await importing).status).toBe(0)
    imported.abort()
    await recording
    const size = 2500 + recorded
    expect(size - (await expectHomeSummary(folder))).toBeLessThan(BESIDE_MAX)
  })

  test.skipIf(IS_POSTGRES)(
    '[D5] is filled by an upgrade, and by the next start where that was interrupted',
    async () => {
      const folder = temporaryFolder()
      const { database } = await oldDataFolder(folder, { schema: 14, events: 6000 })
      const verify = () => runCommand(['user', 'list'], { folder })
      expect((await verify()).status).toBe(0)
      expect(await expectHomeSummary(folder)).toBe(6000)
      {
        using db = databaseFile(database)
        // As if it had been stopped after the migration.
        for (const table of ['tally', 'tally_day', 'mark', 'of_method', 'of_lock', 'lock'])
          db.run(`DELETE FROM unlock_${table}`)
        db.run('UPDATE unlock_summary SET size = 0')
      }
      expect((await verify()).status).toBe(0)
      expect(await expectHomeSummary(folder)).toBe(6000)
      rmSync(folder, { recursive: true })
    },
  )
})
