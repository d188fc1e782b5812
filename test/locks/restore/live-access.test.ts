import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { liveControllers } from '../../../src/controllers/restore/restore-store.ts'
import { livePasses } from '../../../src/guests/restore/restore-store.ts'
import { liveAccess } from '../../../src/locks/restore/live-access.ts'
import { openReadOnly } from '../../../src/storage/open.ts'
import { temporaryFolder } from '../../support/binary.ts'
import { oldDataFolder } from '../../support/old-schema.ts'

test.each([15, 16, 17, 18])(
  'what was withdrawn is read from a database of schema %i, whatever it lacks',
  async (schema) => {
    const folder = temporaryFolder()
    const { database } = await oldDataFolder(folder, { schema })
    if (schema > 15) {
      using db = new Database(database)
      db.run(
        `INSERT INTO access_grant
           (id, holder, terms, uses, uses_max, version, created_at_ms, revoked_at_ms)
         VALUES
           ('1', 'role:member', '{"holidays":"ignore","home_network":false}', 0, NULL, 1, 0, 1),
           ('2', 'account:account-of-ada', '{"holidays":"ignore","home_network":false}', 2, 3, 1, 0, NULL),
           ('3', 'role:admin', '{"holidays":"ignore","home_network":false}', 0, NULL, 1, 0, NULL)`,
      )
    }
    const db = openReadOnly(database)
    const access = await liveAccess(db, 0)
    expect(access.grants.map(({ id, uses }) => [id, uses])).toStrictEqual(
      schema > 15
        ? [
            ['2', 2],
            ['1', 0],
          ]
        : [],
    )
    expect(await livePasses(db)).toStrictEqual({ passes: [], devices: [] })
    expect(await liveControllers(db)).toStrictEqual({ controllers: [], doorKeys: [] })
    db.close()
    rmSync(folder, { recursive: true })
  },
)
