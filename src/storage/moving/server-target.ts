import { type PostgresAddress, shownAddress } from '../../config/postgres-address.ts'
import { timeText } from '../files/data-dir.ts'
import type { Client } from '../postgres/client.ts'
import { dialect } from '../postgres/dialect.ts'
import { lockHome } from '../postgres/home-lock.ts'
import { migrate, tablesIn } from '../postgres/migrate.ts'
import { queriesOn } from '../postgres/queries.ts'
import { storeArrival } from './moved.ts'
import { movingClient, newPostgresHome } from './postgres-home.ts'
import { type Occupied, type Target, occupationOf } from './target.ts'

/** The tables in which a new home has rows. */
const FILLED: ReadonlySet<string> = new Set([
  'home',
  'account_number',
  'unlock_summary',
  'schema_change',
  'setting',
])

/** Opens the schema on a server that a home moves to, which nobody else uses until it is closed. */
export const openServerTarget = async (
  address: PostgresAddress,
  moveId: string,
): Promise<Target> => {
  const { schema } = address
  await using opening = new AsyncDisposableStack()
  opening.defer(await lockHome({ address, use: 'alone', onLost: () => {} }))
  const client = opening.adopt(movingClient(address), (opened) => opened.close())
  await migrate(client, schema)
  const found = await occupation(client, address, moveId)
  if (found === 'left') await setAside(client, schema)
  const translate = dialect(schema, await tablesIn(client, schema))
  const queries = queriesOn(client, translate)
  const opened = opening.move()
  return {
    hasArrived: found === 'arrived',
    begin: async () => {
      await client.script('BEGIN')
      const filled = [...FILLED].filter((name) => name !== 'home')
      await client.script(`TRUNCATE ${filled.map((name) => `${schema}.${name}`).join(', ')}`)
      const home = await newPostgresHome(client, schema)
      return {
        ...home,
        written: async () => queries,
        publish: async () => {
          await storeArrival(queries, moveId)
          // Until then, no plan knows how large a table is.
          for (const { name } of home.tables) await client.script(`ANALYZE ${schema}."${name}"`)
          await client.script('COMMIT')
        },
        discard: async () => void (await client.script('ROLLBACK')),
      }
    },
    close: () => opened.disposeAsync(),
  }
}

const occupation = async (
  client: Client,
  address: PostgresAddress,
  moveId: string,
): Promise<Occupied> => {
  const { schema } = address
  const tables = await tablesIn(client, schema)
  const isEmpty = async (): Promise<boolean> => {
    for (const name of tables.filter((table) => !FILLED.has(table))) {
      const [row] = await client.query(
        `SELECT EXISTS(SELECT 1 FROM ${schema}."${name}") AS any`,
        [],
      )
      if (row?.['any'] === true) return false
    }
    return true
  }
  if (await isEmpty()) return 'empty'
  return occupationOf(queriesOn(client, dialect(schema, tables)), {
    moveId,
    shown: shownAddress(address),
  })
}

/** Renames the schema that a home left behind, and creates an empty one. */
const setAside = async (client: Client, schema: string): Promise<void> => {
  const aside = `${schema.slice(0, 30)}_moved_${timeText(Date.now()).toLowerCase()}`
  await client.script(`ALTER SCHEMA ${schema} RENAME TO ${aside}`)
  await migrate(client, schema)
}
