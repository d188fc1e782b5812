import { postgresAddress } from '../../src/config/postgres-address.ts'
import { openPostgres } from '../../src/storage/postgres/open.ts'

/** A replica that says so once it is inside a transaction, and stays there. A test stops the process then. */
const db = await openPostgres(postgresAddress(process.env['HOME_ADDRESS'] ?? ''), {
  program: () => Promise.reject(new Error('this database has no program')),
})
await db.transaction(async (tx) => {
  for (;;) {
    await tx.run("UPDATE setting SET value = 'y' WHERE name = 'none'")
    process.stdout.write('in a transaction\n')
    await Bun.sleep(50)
  }
})
