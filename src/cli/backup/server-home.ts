import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../config/config.ts'
import type { PostgresAddress } from '../../config/postgres-address.ts'
import type { OnCopied } from '../../storage/moving/copy-home.ts'
import { loadDump } from '../../storage/moving/dump-file.ts'
import { copyToFile } from '../../storage/moving/home-file.ts'
import { pgDump } from '../../storage/moving/pg-dump.ts'
import { openServerHome } from '../../storage/moving/server-target.ts'
import { lockHome } from '../../storage/postgres/home-lock.ts'
import { cannotOpen } from '../../storage/postgres/open.ts'
import { needsDirect, serverItself } from '../../storage/postgres/pooler.ts'

/** Copies the home on a server to a file, while services use it, but not while it is moved or restored. */
export const copyFromServer = async (
  address: PostgresAddress,
  path: string,
  onCopied: OnCopied,
): Promise<void> => {
  const direct = await serverItself(address)
  await besideOthers(direct, () => copyToFile(direct ?? address, path, onCopied))
}

type Dumping = {
  readonly dump: string
  readonly path: string
  /** The folders to search for `pg_dump`, as in `PATH`. */
  readonly programs: string
}

/** Dumps the home on a server with `pg_dump`, and loads the dump into a new database file. */
export const dumpFromServer = async (
  address: PostgresAddress,
  { dump, path, programs }: Dumping,
  onRead: OnCopied,
): Promise<void> => {
  const direct = await serverItself(address)
  if (!direct) throw cannotOpen(address, needsDirect())
  await besideOthers(direct, () => pgDump(direct, dump, programs))
  await loadDump(dump, path, onRead)
}

/** Does work during which the home cannot be moved or restored; behind a pooler, nothing prevents that. */
const besideOthers = async (
  direct: PostgresAddress | undefined,
  work: () => Promise<void>,
): Promise<void> => {
  const unlock = direct
    ? await lockHome({ address: direct, use: 'shared', onLost: () => {} })
    : async (): Promise<void> => {}
  try {
    await work()
  } finally {
    await unlock()
  }
}

/** The file in DATA_DIR that stands for a home on a server while a restore works on it. */
const FILE = 'server-home.db'

/** The settings of a restore, which works on files, and what it does to the home on the server, if it is on one. */
export type Restoring = {
  /** With the file that stands for the home on the server. */
  readonly config: Config
  /** Replaces the home on the server with the one in a database file. Returns how many texts were changed. */
  readonly publish: (databasePath: string, onCopied: OnCopied) => Promise<number>
  readonly close: () => Promise<void>
}

/** Copies the home on a server to the file that stands for it, and keeps everyone else out of the home until it is
 * closed. */
export const restoringOnServer = async (
  config: Config,
  address: PostgresAddress,
  onCopied: OnCopied,
): Promise<Restoring> => {
  const databasePath = join(config.dataDir, FILE)
  const discard = (): void => {
    for (const end of ['', '-wal', '-shm']) rmSync(`${databasePath}${end}`, { force: true })
  }
  const home = await openServerHome(address)
  try {
    discard()
    await home.copyTo(databasePath, onCopied)
  } catch (error) {
    await home.close()
    throw error
  }
  return {
    config: { ...config, postgres: undefined, databasePath },
    publish: home.replaceWith,
    close: async () => {
      discard()
      await home.close()
    },
  }
}
