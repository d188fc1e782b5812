import { describe, expect, test } from 'bun:test'
import { postgresAddress } from '../../src/config/postgres-address.ts'
import { postgresClient } from '../../src/storage/postgres/client.ts'
import { STEPS, migrate } from '../../src/storage/postgres/migrate.ts'
import { CAN_POSTGRES, startPostgres } from '../support/postgres-server.ts'
import { until } from '../support/until.ts'
import { expectOneLog, phonesAt, startReplicas } from './replicas.ts'

/** Runs a statement for each table of the home. */
const eachTable = (sql: string): string => `
  DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'home'
    LOOP EXECUTE format('${sql}', name); END LOOP;
  END $$;`

/** What a newer version may do to a home beside replicas of this one: it adds tables, columns and indexes. */
const NEWER = `
  CREATE TABLE home.added (id bigint PRIMARY KEY, name text COLLATE "C" NOT NULL);
  ${eachTable("ALTER TABLE home.%I ADD COLUMN added bigint, ADD COLUMN added_too text COLLATE \"C\" NOT NULL DEFAULT ''''")}
  ${eachTable('CREATE INDEX ON home.%I (added)')}`

const TAKEN_BACK = `
  DROP TABLE home.added;
  ${eachTable('ALTER TABLE home.%I DROP COLUMN added, DROP COLUMN added_too')}
  DELETE FROM home.schema_change WHERE schema_version = (SELECT schema_version FROM home.home);
  UPDATE home.home SET schema_version = schema_version - 1;`

describe.if(CAN_POSTGRES)(
  '[D1] two replicas, after a newer version has upgraded the schema,',
  () => {
    test('go on recording, also over new connections, but do not start again, and say why', async () => {
      await using postgres = await startPostgres({ hasFsync: true })
      await using home = await startReplicas([postgres.home('home'), postgres.home('home')])
      const [one, other] = home.replicas
      const load = phonesAt(home.replicas, home.token)
      const more = async (): Promise<void> => {
        const before = load.count()
        await until(() => load.count() > before + 30)
      }
      await more()
      const client = postgresClient({ address: postgresAddress(postgres.home('home')), max: 1 })
      await migrate(client, 'home', [...STEPS, NEWER])
      await client.close()
      await more()
      await postgres.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
      )
      await more()

      expect(await other?.stop()).toBe(0)
      const fault = await other?.start().catch(String)
      const NEWER_WORDS =
        /The schema home has version \d+, newer than \d+, the newest that version \S+ of the server knows; upgrade the server/
      expect(fault).toMatch(NEWER_WORDS)
      const refused = await one?.run('user', 'list')
      expect(refused).toMatchObject({ status: 1, out: '' })
      expect(refused?.words).toMatch(NEWER_WORDS)
      await more()

      await postgres.query(TAKEN_BACK)
      await other?.start()
      await more()
      await expectOneLog(home, postgres.query, await load.end())
      for (const { output } of home.replicas) expect(output().log).not.toContain('"level":"error"')
    })
  },
)
