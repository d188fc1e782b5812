import { askPermitted } from './drivers/operating/asking-store.ts'
import type { Config } from './config/config.ts'
import { homeZone } from './config/home-zone.ts'
import { type Clock, clockFrom } from './domain/clock.ts'
import type { Logger } from './http/log/logger.ts'
import { decisionKind } from './locks/decisions/kind.ts'
import { enqueueAppended } from './outbox/core/after-append.ts'
import { enterFolder } from './storage/backup/restore-journal.ts'
import { lockForMigration } from './storage/data-dir-lock.ts'
import type { Database, OnCommit } from './storage/database.ts'
import { makePrivateFolder } from './storage/files/private-files.ts'
import { acceptKeys, requireSharedKeys } from './storage/files/shared-keys.ts'
import { requireHere } from './storage/moving/moved.ts'
import { openDatabase } from './storage/open.ts'
import type { openPostgres } from './storage/postgres/open.ts'
import type { Program } from './storage/writing/writer.ts'
import { writerThread } from './storage/writing/writer-thread.ts'
import { keyFile } from './unlocks/log/key-file.ts'
import { newSigningKey } from './unlocks/tlog/signing-key.ts'
import { unlockProgram } from './unlocks/program.ts'
import type { WriterGiven } from './writer.ts'

export type HomeOptions = {
  readonly logger: Logger
  /** By default, that of the machine or of the database server. */
  readonly clock?: Clock
  /** One process serves a data folder; commands work alongside it, unless one needs the data for itself. */
  readonly use?: 'service' | 'command' | 'alone'
  /** True if a home on a server must be there already, and is not created. */
  readonly mustExist?: boolean
  /** Called now and then while an upgrade moves data, with how far it is. */
  readonly onUpgrade?: ((done: string) => void) | undefined
  /** If given, the keys here become those of the home on a server, and this is called with the names of the keys that
   * differed. */
  readonly onKeysAccepted?: ((names: readonly string[]) => void) | undefined
  /** Called when the writer thread has died; `isLast` if it is not started again. */
  readonly onWriterDeath?: (error: unknown, isLast: boolean) => void
}

type Following = {
  readonly onCommit: OnCommit
  /** Called soon after another replica, or a command, has committed. */
  readonly onForeignCommit: () => Promise<void>
}

/** Opens the data of a home: its folder, its database and its keys. Throws AppError `unavailable` if one of them cannot
 * be used. */
export const openHome = async (
  config: Config,
  { use = 'command', onKeysAccepted, ...options }: HomeOptions & Following,
) => {
  await using opening = new AsyncDisposableStack()
  makePrivateFolder(config.dataDir)
  opening.defer(enterFolder(config.dataDir, LOCKS[use]))
  const db = opening.adopt(
    config.postgres
      ? await openOnServer(config, config.postgres, { ...options, use })
      : openFile(config, { ...options, use }),
    (database) => database.close(),
  )
  // A command that has the home for itself may bring it back.
  if (use !== 'alone') await requireHere(db)
  const keys = {
    db,
    dataDir: config.dataDir,
    tokenSecret: config.jwtSecretKey,
    newLogKey: newSigningKey,
  }
  if (onKeysAccepted) onKeysAccepted(await acceptKeys(keys))
  if (config.postgres) await requireSharedKeys(keys)
  const { clock = clockFrom(db.serverClock) } = options
  const opened = opening.move()
  return { db, clock, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

type Opening = Omit<HomeOptions, 'use' | 'onKeysAccepted'> &
  Following & { readonly use: NonNullable<HomeOptions['use']> }

/** How the data folder is locked. */
const LOCKS = { service: 'service', command: 'command', alone: 'restore' } as const

const openFile = (config: Config, options: Opening): Database => {
  const { use, onUpgrade, onCommit, onWriterDeath = () => {} } = options
  keyFile(config.dataDir).requireDatabase(config.databasePath)
  return openDatabase(config.databasePath, {
    ...writing(config, use, onWriterDeath),
    beforeMigration: () => lockForMigration(config.dataDir, LOCKS[use]),
    ...(onUpgrade ? { onProgress: onUpgrade } : {}),
    onCommit,
  })
}

/** How long a command waits for a server that is still starting: someone is waiting for its output. */
export const COMMAND_WAIT_MS = 5000

const openOnServer = async (
  config: Config,
  address: NonNullable<Config['postgres']>,
  options: Opening,
): Promise<Database> => {
  const { logger, use, mustExist = false, onCommit, onWriterDeath = () => {} } = options
  return loadAndOpenServer(address, {
    program: program(config),
    mustExist,
    use: use === 'alone' ? 'alone' : 'shared',
    startMs: use === 'service' ? undefined : COMMAND_WAIT_MS,
    onLost: (error) => onWriterDeath(error, true),
    onCommit,
    onWait: (reason) => logger.warn({ reason }, 'waiting for the database'),
    onPooler: () =>
      logger.warn(
        'a pooler is in front of the database: without direct=host:port in DATABASE_URI, commits of other replicas are seen up to a second later',
      ),
    ...(use === 'service' ? { onForeignCommit: options.onForeignCommit } : {}),
    onHearing: (isHeard) =>
      isHeard
        ? logger.info('commits of other replicas are seen at once again')
        : logger.warn(
            'lost the connection that announces commits of other replicas: until it is back, they are seen up to a second late',
          ),
  })
}

/** Loaded only where the data is on a server. */
const loadAndOpenServer = async (...given: Parameters<typeof openPostgres>): Promise<Database> =>
  (await import('./storage/postgres/open.ts')).openPostgres(...given)

/** Returns how to write to the database: the service uses a writer thread, so that reads and new requests
 * never wait for a slow disk; commands write in their only thread. */
const writing = (
  config: Config,
  use: HomeOptions['use'],
  onDeath: (error: unknown, isLast: boolean) => void,
): Pick<NonNullable<Parameters<typeof openDatabase>[1]>, 'program' | 'writerThread'> => {
  const { databasePath, dataDir } = config
  if (use !== 'service' || databasePath === ':memory:') return { program: program(config) }
  const { homeZone: zone, guestPasses } = config
  const given: WriterGiven = { databasePath, dataDir, homeZone: zone, guestPasses }
  return { writerThread: () => writerThread({ entry: WRITER, given, onDeath }) }
}

/** The first module of the writer thread: beside this file, in an executable too. */
const WRITER = new URL('./writer.ts', import.meta.url).href

/** Returns what this thread runs to append to the log. */
const program = (config: Config): Program => {
  const zone = () => homeZone(config)
  const decision = decisionKind({
    zone,
    isOpenToMembers: config.guestPasses === 'members',
    afterPermitted: askPermitted,
  })
  return unlockProgram(config.dataDir, {
    decision,
    afterAppend: enqueueAppended({ zone }),
    isShared: config.postgres !== undefined,
  })
}
