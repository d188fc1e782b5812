import { type PostgresAddress, shownAddress } from '../../config/postgres-address.ts'
import { forgetFingerprints } from '../files/shared-keys.ts'
import { forgetReplicaStates } from '../replicas/state.ts'
import { timeText } from '../files/data-dir.ts'
import type { Client } from '../postgres/client.ts'
import { dialect } from '../postgres/dialect.ts'
import { lockHome } from '../postgres/home-lock.ts'
import { WITHOUT_LIMITS, migrate, tablesIn } from '../postgres/migrate.ts'
import { cannotOpen } from '../postgres/open.ts'
import { needsDirect, serverItself } from '../postgres/pooler.ts'
import { queriesOn } from '../postgres/queries.ts'
import type { Queries } from '../queries.ts'
import { type OnCopied, copyHome } from './copy-home.ts'
import { copyToFile } from './home-file.ts'
import { returnHere, storeArrival } from './moved.ts'
import { movingClient, newPostgresHome } from './postgres-home.ts'
import { sqliteHome } from './sqlite-home.ts'
import { quoted } from './table.ts'
import { type Arriving, type Occupied, type Target, occupationOf } from './target.ts'

/** The tables, beside `home`, in which a new home has rows. */
const FILLED: readonly string[] = ['account_number', 'unlock_summary', 'schema_change', 'setting']

/** Opens the schema on a server that a home moves to, which nobody else uses until it is closed. */
export const openServerTarget = async (
  address: PostgresAddress,
  moveId: string,
): Promise<Target> => {
  const { schema } = address
  const { client, close } = await openAlone(address)
  try {
    await migrate(client, schema)
    const found = await occupation(client, address, moveId)
    if (found === 'left') await setAside(client, schema)
    return {
      hasArrived: found === 'arrived',
      begin: () =>
        beginHome(client, schema, {
          emptied: FILLED,
          beforeCommit: (tx) => storeArrival(tx, moveId),
        }),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A home on a server that a restore works on, alone. */
export type ServerHome = {
  /** Copies the home to a new database file; returns false if there is none yet. */
  readonly copyTo: (path: string, onCopied: OnCopied) => Promise<boolean>
  /** Replaces the home with the one in a database file, all or nothing. Returns how many texts were changed. */
  readonly replaceWith: (path: string, onCopied: OnCopied) => Promise<number>
  readonly close: () => Promise<void>
}

/** Opens the home on a server for a restore. Rejects with `unavailable` if it is in use. */
export const openServerHome = async (address: PostgresAddress): Promise<ServerHome> => {
  const { schema } = address
  const { client, close } = await openAlone(address)
  return {
    copyTo: async (path, onCopied) => {
      if (!(await tablesIn(client, schema)).includes('log_head')) return false
      const [head] = await client.query(`SELECT 1 FROM ${schema}.log_head`, [])
      if (!head) return false
      await copyToFile(address, path, onCopied)
      return true
    },
    replaceWith: async (path, onCopied) => {
      await migrate(client, schema)
      const from = sqliteHome(path)
      try {
        const emptied = from.tables.map(({ name }) => name)
        const to = await beginHome(client, schema, { emptied })
        const { changed } = await copyHome({ from, to, onCopied })
        await to.publish()
        return changed
      } finally {
        from.close()
      }
    },
    close,
  }
}

/** Opens a connection to a home that nobody else uses until it is closed; an open transaction ends with it. */
const openAlone = async (given: PostgresAddress) => {
  const address = await serverItself(given)
  if (!address) throw cannotOpen(given, needsDirect())
  const unlock = await lockHome({ address, use: 'alone', onLost: () => {} }).catch(
    (error: unknown) => {
      throw cannotOpen(given, error)
    },
  )
  const client = movingClient(address)
  return { client, close: async () => void (await Promise.allSettled([client.close(), unlock()])) }
}

type Beginning = {
  /** The tables whose rows go. */
  readonly emptied: readonly string[]
  readonly beforeCommit?: (tx: Queries) => Promise<void>
}

/** Begins to write a home in the transaction of a client. */
const beginHome = async (
  client: Client,
  schema: string,
  { emptied, beforeCommit = async () => {} }: Beginning,
): Promise<Arriving> => {
  const queries = queriesOn(client, dialect(schema, await tablesIn(client, schema)))
  await client.script(`BEGIN; ${WITHOUT_LIMITS}`)
  await client.script(`TRUNCATE ${emptied.map((name) => `${schema}.${quoted(name)}`).join(', ')}`)
  const home = await newPostgresHome(client, schema)
  return {
    ...home,
    written: async () => queries,
    publish: async () => {
      await forgetFingerprints(queries)
      await forgetReplicaStates(queries)
      await beforeCommit(queries)
      await returnHere(queries)
      // Until then, no plan knows how large a table is.
      for (const { name } of home.tables) await client.script(`ANALYZE ${schema}.${quoted(name)}`)
      await client.script('COMMIT')
    },
    discard: async () => void (await client.script('ROLLBACK')),
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
    for (const name of tables.filter((table) => table !== 'home' && !FILLED.includes(table))) {
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
